import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Load, pick, place, type Situation } from "../src/place.ts";

interface Named extends Load {
  readonly name: string;
}

const quiet: Situation<Named> = {
  waiting: 0,
  waitingFresh: 0,
  available: [],
  multiplexed: false,
  dialling: 0,
  draining: 0,
  connections: 0,
  maxConnections: 2,
  totalConnections: 0,
  maxTotalConnections: 10,
  dialsHeld: false,
};

const idleNew: Named = { name: "new", inFlight: 0, served: 0, idled: false };
const idleWarm: Named = { name: "warm", inFlight: 0, served: 0, idled: true };
const idleUsed: Named = { name: "used", inFlight: 0, served: 5, idled: true };
const busy: Named = { name: "busy", inFlight: 2, served: 7, idled: false };
const filling: Named = { name: "filling", inFlight: 2, served: 2, idled: false };
const warmFilling: Named = { name: "warm filling", inFlight: 2, served: 2, idled: true };

interface Row {
  readonly when: string;
  readonly now: Partial<Situation<Named>>;
  readonly says: string;
}

const table: readonly Row[] = [
  { when: "nothing waits", now: { available: [idleUsed], connections: 1 }, says: "wait" },
  { when: "one waits and nothing is there", now: { waiting: 1 }, says: "dial" },
  { when: "one waits beside a free connection", now: { waiting: 1, available: [idleUsed] }, says: "use used" },
  { when: "one waits and a dial is under way for it", now: { waiting: 1, dialling: 1, connections: 1 }, says: "wait" },
  { when: "two wait and one dial is under way", now: { waiting: 2, dialling: 1, connections: 1 }, says: "dial" },
  {
    when: "two wait and one dial is under way to a multiplexed origin",
    now: { multiplexed: true, waiting: 2, dialling: 1, connections: 1 },
    says: "wait",
  },
  { when: "the origin has all its connections", now: { waiting: 1, connections: 2 }, says: "wait" },
  { when: "all origins have all connections", now: { waiting: 1, totalConnections: 10 }, says: "make-room" },
  { when: "both limits are reached", now: { waiting: 1, connections: 2, totalConnections: 10 }, says: "wait" },
  { when: "a dial failed lately", now: { waiting: 1, connections: 1, dialsHeld: true }, says: "wait" },
  {
    when: "a dial failed lately and a connection is free",
    now: { waiting: 1, available: [idleUsed], dialsHeld: true },
    says: "use used",
  },
  {
    when: "one must be replayed beside a used connection",
    now: { waitingFresh: 1, available: [idleUsed], connections: 1 },
    says: "dial",
  },
  {
    when: "one must be replayed beside a connection that nobody used but that was idle",
    now: { waitingFresh: 1, available: [idleWarm], connections: 1 },
    says: "dial",
  },
  {
    when: "one must be replayed and idle connections that nobody used fill the origin",
    now: { waitingFresh: 1, available: [idleWarm], connections: 2 },
    says: "retire warm",
  },
  {
    when: "one must be replayed beside a new connection",
    now: { waitingFresh: 1, available: [idleUsed, idleNew], connections: 2 },
    says: "use new fresh",
  },
  {
    when: "one must be replayed, others wait, and the only free connection is used",
    now: { waiting: 1, waitingFresh: 1, available: [idleUsed], connections: 1 },
    says: "use used",
  },
  {
    when: "one must be replayed and the other waits, beside a new connection",
    now: { waiting: 1, waitingFresh: 1, available: [idleNew], connections: 1 },
    says: "use new fresh",
  },
  {
    when: "one must be replayed and used idle connections fill the origin",
    now: { waitingFresh: 1, available: [idleUsed], connections: 2 },
    says: "retire used",
  },
  {
    when: "one must be replayed and a used connection is leaving for it",
    now: { waitingFresh: 1, available: [idleUsed], connections: 2, draining: 1 },
    says: "wait",
  },
  {
    when: "one must be replayed and busy connections fill a multiplexed origin",
    now: { multiplexed: true, waitingFresh: 1, available: [busy], connections: 2 },
    says: "wait",
  },
  {
    when: "one must be replayed and own idle connections hold the last place of all",
    now: { waitingFresh: 1, available: [idleUsed], connections: 1, totalConnections: 10 },
    says: "retire used",
  },
  {
    when: "one must be replayed and a new multiplexed connection carries others already",
    now: { multiplexed: true, waitingFresh: 1, available: [filling], connections: 1 },
    says: "use filling fresh",
  },
  {
    when: "one must be replayed and a multiplexed connection that carries its first exchanges was idle before them",
    now: { multiplexed: true, waitingFresh: 1, available: [warmFilling], connections: 1 },
    says: "dial",
  },
];

/** None has ended on it, and it was never idle. */
function fresh({ served, inFlight, idled }: Load): boolean {
  return served === inFlight && !idled;
}

function told(now: Partial<Situation<Named>>): string {
  const next = place({ ...quiet, ...now });
  if (next.action === "use") return `use ${next.connection.name}${next.fresh ? " fresh" : ""}`;
  return next.action === "retire" ? `retire ${next.connection.name}` : next.action;
}

describe("place", () => {
  for (const { when, now, says } of table) {
    it(`says ${says} when ${when}`, () => {
      expect(told(now)).toBe(says);
    });
  }

  const small = fc.nat({ max: 4 });
  const situation: fc.Arbitrary<Situation<Named>> = fc
    .record({
      waiting: small,
      waitingFresh: small,
      loads: fc.array(fc.record({ inFlight: fc.nat({ max: 2 }), more: small, idled: fc.boolean() }), { maxLength: 4 }),
      multiplexed: fc.boolean(),
      dialling: small,
      draining: small,
      full: small,
      maxConnections: fc.integer({ min: 1, max: 8 }),
      others: small,
      maxTotalConnections: fc.integer({ min: 1, max: 12 }),
      dialsHeld: fc.boolean(),
    })
    .map(({ loads, full, others, ...rest }) => {
      const available = loads.map(({ inFlight, more, idled }, i) => {
        const carried = rest.multiplexed ? inFlight : 0;
        return { name: String(i), inFlight: carried, served: carried + more, idled };
      });
      const connections = available.length + full + rest.dialling + (rest.multiplexed ? 0 : rest.draining);
      const totalConnections = available.length + full + rest.dialling + rest.draining + others;
      return { ...rest, available, connections, totalConnections };
    });

  it("never dials beyond a limit, nor while dials are held", () => {
    fc.assert(
      fc.property(situation, (now) => {
        if (place(now).action !== "dial") return;
        expect(now.connections).toBeLessThan(now.maxConnections);
        expect(now.totalConnections).toBeLessThan(now.maxTotalConnections);
        expect(now.dialsHeld).toBe(false);
      }),
    );
  });

  it("does nothing where nothing waits", () => {
    fc.assert(
      fc.property(situation, (now) => {
        expect(place({ ...now, waiting: 0, waitingFresh: 0 })).toEqual({ action: "wait" });
      }),
    );
  });

  it("never lets a free connection stand beside one that may use it", () => {
    fc.assert(
      fc.property(situation, (now) => {
        const usable = now.waiting > 0 ? now.available : now.available.filter(fresh);
        if (now.waiting + now.waitingFresh > 0 && usable.length > 0) expect(place(now).action).toBe("use");
      }),
    );
  });

  it("uses a connection that has room, and a fresh one for a replay", () => {
    fc.assert(
      fc.property(situation, (now) => {
        const next = place(now);
        if (next.action !== "use") return;
        expect(now.available).toContain(next.connection);
        expect(next.fresh ? now.waitingFresh : now.waiting).toBeGreaterThan(0);
        if (next.fresh) expect(next.connection).toSatisfy(fresh);
      }),
    );
  });

  it("retires only what is idle, only for a replay, and only where a limit stands in the way", () => {
    fc.assert(
      fc.property(situation, (now) => {
        const next = place(now);
        if (next.action !== "retire") return;
        expect(next.connection.inFlight).toBe(0);
        expect(now.waitingFresh).toBeGreaterThan(0);
        const full = now.connections >= now.maxConnections || now.totalConnections >= now.maxTotalConnections;
        expect(full).toBe(true);
      }),
    );
  });

  it("does not change what it looks at", () => {
    fc.assert(
      fc.property(situation, (now) => {
        const before = structuredClone(now);
        place(now);
        expect(now).toEqual(before);
      }),
    );
  });
});

describe("pick", () => {
  it("takes the connection used last where each carries one exchange", () => {
    expect(pick([idleNew, idleUsed], false)).toBe(idleUsed);
  });

  it("takes the least loaded of multiplexed connections", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ inFlight: fc.nat(9), served: fc.nat(9), idled: fc.boolean() }), { minLength: 1 }),
        (all) => {
          expect(pick(all, true).inFlight).toBe(Math.min(...all.map((one) => one.inFlight)));
        },
      ),
    );
  });

  it("takes the one used last of equally loaded ones", () => {
    expect(pick([idleNew, busy, idleUsed], true)).toBe(idleUsed);
  });
});
