import fc from "fast-check";
import { afterEach, beforeEach, describe, it, vi } from "vitest";
import { type Shape, World } from "./model-world.ts";

/** What can happen next. `pick` chooses among whatever it can happen to. */
interface Step {
  readonly name: string;
  readonly pick: number;
  readonly apply: (world: World) => boolean;
}

function chosen<T>(from: readonly T[], pick: number): T | undefined {
  return from[pick % Math.max(1, from.length)];
}

/** Does it to one of what there is; false if there is none. */
function toOne<T>(from: readonly T[], pick: number, act: (one: T) => void): boolean {
  const one = chosen(from, pick);
  if (one === undefined) return false;
  act(one);
  return true;
}

const pick = fc.nat({ max: 11 });
const origin = fc.constantFrom("http://a.example", "http://a.example", "http://b.example", "http://c.example");

function step(name: string, apply: (world: World, pick: number) => boolean): fc.Arbitrary<Step> {
  return pick.map((chose) => ({ name, pick: chose, apply: (world) => apply(world, chose) }));
}

const submit: fc.Arbitrary<Step> = fc
  .record({
    origin,
    kind: fc.constantFrom("none", "bytes", "again", "once"),
    idempotent: fc.constantFrom(true, true, false),
    queueMs: fc.constantFrom(Infinity, Infinity, 30),
    sync: fc.boolean(),
  })
  .map(({ origin: to, kind, idempotent, queueMs }) => ({
    name: `submit ${kind}${idempotent ? " idempotent" : ""} queueMs ${queueMs} ${to}`,
    pick: 0,
    apply: (world) => {
      world.submit(to, kind, idempotent, queueMs);
      return true;
    },
  }));

const steps: readonly { readonly weight: number; readonly arbitrary: fc.Arbitrary<Step> }[] = [
  { weight: 10, arbitrary: submit },
  {
    weight: 6,
    arbitrary: fc.tuple(pick, fc.integer({ min: 0, max: 3 })).map(([chose, capacity]) => ({
      name: `dial opens with room for ${capacity}`,
      pick: chose,
      apply: (world) =>
        toOne(world.driver.pending, chose, (dial) => dial.open(world.shape.multiplexed ? Math.max(capacity, 1) : 1)),
    })),
  },
  {
    weight: 4,
    arbitrary: step("dial fails", (world, n) => toOne(world.driver.pending, n, (dial) => world.failDial(dial))),
  },
  {
    weight: 3,
    arbitrary: step("caller aborts", (world, n) =>
      toOne(
        world.tasks.filter((task) => task.settled === 0),
        n,
        (task) => {
          task.aborted = true;
          task.controller.abort();
        },
      ),
    ),
  },
  {
    weight: 3,
    arbitrary: step("request leaves", (world, n) =>
      toOne(
        world.driver.running.filter((attempt) => !attempt.touched),
        n,
        (attempt) => attempt.send(),
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: step("body is begun", (world, n) =>
      toOne(
        world.driver.running.filter((attempt) => !attempt.answered),
        n,
        (attempt) => {
          world.taskOf(attempt).bodyBegun ||= attempt.exchange.body.kind === "stream";
          attempt.exchange.sending();
          attempt.touched = true;
          void attempt.exchange.body.chunks().next();
        },
      ),
    ),
  },
  {
    weight: 3,
    arbitrary: step("head comes", (world, n) =>
      toOne(
        world.driver.running.filter((attempt) => !attempt.answered),
        n,
        (attempt) => attempt.send().head(),
      ),
    ),
  },
  {
    weight: 6,
    arbitrary: step("answer comes", (world, n) => toOne(world.driver.running, n, (one) => world.answer(one))),
  },
  {
    weight: 2,
    arbitrary: step("408 comes", (world, n) =>
      toOne(
        world.driver.running.filter((attempt) => !attempt.answered),
        n,
        (attempt) => {
          attempt.send();
          const start = world.taskOf(attempt).starts.at(-1);
          const mayReplay = start?.kept === true && attempt.exchange.request.idempotent;
          if (mayReplay && attempt.exchange.body.atHand) world.ends(attempt, "timeout-408");
          if (attempt.head(408)) return;
          attempt.leave();
          attempt.connection.leases--;
          if (world.shape.multiplexed) {
            attempt.connection.leases++;
            attempt.connection.freed();
          } else attempt.connection.gone();
        },
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: step("peer refuses", (world, n) =>
      toOne(world.driver.running, n, (attempt) => {
        world.ends(attempt, attempt.answered ? "reset" : "refused");
        attempt.touched = true;
        attempt.refuse();
      }),
    ),
  },
  {
    weight: 2,
    arbitrary: step("attempt fails unsent", (world, n) =>
      toOne(
        world.driver.running.filter((attempt) => !attempt.touched),
        n,
        (attempt) => {
          world.ends(attempt, "unsent");
          attempt.failUnsent();
        },
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: step("stream is reset", (world, n) =>
      toOne(
        world.driver.running.filter((attempt) => attempt.touched),
        n,
        (attempt) => {
          world.ends(attempt, "reset");
          attempt.fail();
        },
      ),
    ),
  },
  {
    weight: 4,
    arbitrary: step("connection is lost", (world, n) => toOne(world.driver.connections, n, (one) => world.lose(one))),
  },
  {
    weight: 2,
    arbitrary: step("peer drains", (world, n) =>
      toOne(
        world.driver.connections.filter((one) => one.state === "open"),
        n,
        (one) => one.drains(),
      ),
    ),
  },
  {
    weight: 5,
    arbitrary: step("connection has ended", (world, n) =>
      toOne(
        world.driver.connections.filter((one) => one.state !== "open"),
        n,
        (one) => one.gone(),
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(pick, fc.integer({ min: 0, max: 4 })).map(([chose, capacity]) => ({
      name: `capacity is ${capacity}`,
      pick: chose,
      apply: (world) =>
        world.shape.multiplexed &&
        toOne(
          world.driver.connections.filter((one) => one.state === "open"),
          chose,
          (one) => one.capacityIs(capacity),
        ),
    })),
  },
  {
    weight: 2,
    arbitrary: step("reader cancels", (world, n) =>
      toOne(
        world.tasks.filter((task) => task.response !== undefined && !task.response.body.used),
        n,
        (task) => void task.response?.body.cancel(),
      ),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(1, 40, 400, 6_000).map((ms) => ({
      name: `${ms} ms pass`,
      pick: 0,
      apply: () => {
        vi.advanceTimersByTime(ms);
        return true;
      },
    })),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((fails) => ({
      name: fails ? "attempts fail at once" : "attempts start",
      pick: 0,
      apply: (world) => {
        world.driver.failsAtOnce = fails;
        return true;
      },
    })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(origin, fc.integer({ min: 1, max: 3 })).map(([to, connections]) => ({
      name: `warm ${connections} at ${to}`,
      pick: 0,
      apply: (world) => {
        world.warm(to, connections);
        return true;
      },
    })),
  },
];

const ending: fc.Arbitrary<Step> = fc.constantFrom(
  { name: "close", pick: 0, apply: (world: World) => world.close() },
  { name: "destroy", pick: 0, apply: (world: World) => world.destroy() },
);

class Command implements fc.AsyncCommand<World, World> {
  readonly #step: Step;

  constructor(one: Step) {
    this.#step = one;
  }

  check(): boolean {
    return true;
  }

  async run(world: World): Promise<void> {
    if (!this.#step.apply(world)) return;
    await world.flush();
    world.check();
  }

  toString(): string {
    return `${this.#step.name} #${this.#step.pick}`;
  }
}

const commands: readonly fc.Arbitrary<Command>[] = [
  ...steps.flatMap(({ weight, arbitrary }) => Array.from({ length: weight }, () => arbitrary)),
  ending,
].map((arbitrary) => arbitrary.map((one) => new Command(one)));

const limits = {
  maxConnections: fc.integer({ min: 1, max: 3 }),
  maxTotalConnections: fc.integer({ min: 1, max: 4 }),
  maxQueued: fc.constantFrom(0, 1, 3, 1_000),
  maxExchanges: fc.constantFrom(1, 2, 10, 10_000),
  minConnections: fc.constantFrom(0, 0, 1, 2),
  idleTimeoutMs: fc.constantFrom(Infinity, Infinity, 100),
  maxAgeMs: fc.constantFrom(Infinity, Infinity, 150),
};

async function walk(shape: Shape, path: Iterable<fc.AsyncCommand<World, World>>): Promise<void> {
  const world = new World(shape);
  await fc.asyncModelRun(() => ({ model: world, real: world }), path);
  await world.end();
}

describe("any order of events", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    vi.spyOn(Math, "random").mockReturnValue(0.5);
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  for (const multiplexed of [false, true]) {
    it(`loses no waiter, leaks no slot and passes no limit, ${multiplexed ? "many exchanges" : "one exchange"} to a connection`, async () => {
      await fc.assert(
        fc
          .asyncProperty(
            fc.record({
              multiplexed: fc.constant(multiplexed),
              capacity: fc.integer({ min: 1, max: 3 }),
              abrupt: fc.boolean(),
              options: fc.record(limits),
            }),
            fc.commands([...commands], { maxCommands: 60, size: "max" }),
            walk,
          )
          .beforeEach(() => vi.clearAllTimers()),
        { numRuns: Number(process.env["MODEL_RUNS"] ?? 300) },
      );
    }, 300_000);
  }
});
