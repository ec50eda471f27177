import { type ChildProcess, fork } from "node:child_process";
import { subscribe as listen, unsubscribe as unlisten } from "node:diagnostics_channel";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ConnectionEvent,
  events,
  isTransportError,
  type Transport,
  type TransportError,
} from "@holdfast/transport";
import { expect, it, onTestFinished } from "vitest";
import { backoffMs, parseBackoff } from "../src/backoff.ts";
import { websocket } from "../src/index.ts";
import { subscribe } from "../src/subscription.ts";

const restarts = 20;
const callers = 16;
const maxMs = 400;
const host = "a.example";

/** The server, and those that take its place, on one port. */
class Restarted {
  port = 0;
  #child: ChildProcess | undefined;
  readonly #ledger: string;

  constructor(ledger: string) {
    this.#ledger = ledger;
  }

  async start(): Promise<void> {
    const child = fork(new URL("restarted-server.ts", import.meta.url), [String(this.port), this.#ledger], {
      execArgv: ["--conditions=holdfast:source"],
    });
    this.#child = child;
    [this.port] = (await once(child, "message")) as [number];
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

/** What an exchange came to: `undefined` if it was answered. */
type Outcomes = Map<string, TransportError | undefined>;

/** How long each dial of a socket waited, as a share of its bound. `lookup` is called when a dial begins. */
class Waits {
  readonly shares: number[] = [];
  #failures = 0;
  #failedAt = 0;

  failed(): void {
    this.#failures++;
    this.#failedAt = performance.now();
  }

  answered(): void {
    this.#failures = 0;
  }

  dialled(): void {
    if (this.#failures === 0) return;
    const boundMs = backoffMs(this.#failures, parseBackoff({ maxMs }), 1);
    this.shares.push((performance.now() - this.#failedAt) / boundMs);
  }
}

it("a server that is killed 20 times under load: every exchange settles, none runs twice, a subscription misses nothing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-"));
  const ledger = join(directory, "ledger");
  const server = new Restarted(ledger);
  onTestFinished(async () => {
    await server.kill();
    await rm(directory, { recursive: true });
  });
  await server.start();
  const origin = `http://${host}:${server.port}`;

  const waits = new Waits();
  const onClose = (event: unknown): void => {
    if (/^ws-\d/.test((event as ConnectionEvent).connection)) waits.failed();
  };
  const onHead = (): void => waits.answered();
  for (const [channel, listener] of [
    [events.connectionClose, onClose],
    [events.exchangeHead, onHead],
  ] as const) {
    const name = String(channel.name);
    listen(name, listener);
    onTestFinished(() => void unlisten(name, listener));
  }
  const transport = websocket({
    maxConnections: 1,
    reconnect: { maxMs },
    lookup: (_name, _options, done) => {
      waits.dialled();
      done(null, [{ address: "127.0.0.1", family: 4 }]);
    },
  });
  // A transport of its own, so that its dials are not taken for those of the sockets.
  const feedTransport = websocket({
    lookup: (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  onTestFinished(async () => {
    await Promise.all([transport.destroy(), feedTransport.destroy()]);
  });

  const outcomes: Outcomes = new Map();
  let answered = 0;
  let over = false;
  let wake = (): void => {};
  let lastId = 0;
  const call = async (): Promise<void> => {
    const id = String(++lastId);
    outcomes.set(id, await ask(transport, `${origin}/?id=${id}`, id));
    if (outcomes.get(id) === undefined) answered++;
    wake();
  };
  const caller = async (): Promise<void> => {
    while (!over) await call();
  };
  const callersDone = Promise.all(Array.from({ length: callers }, caller));

  const seen: number[] = [];
  const stop = new AbortController();
  const feed = (async () => {
    const messages = subscribe(feedTransport, {
      open: (after) => ({ url: `${origin}/${after === undefined ? "" : `?after=${after}`}` }),
      idOf: String,
      reconnect: { maxMs },
      signal: stop.signal,
    });
    for await (const message of messages) {
      seen.push(Number(message));
      wake();
    }
  })().catch((error: unknown) => error);

  /** Until so many more were answered, and the feed has gone on. */
  const progress = async (): Promise<void> => {
    const [atLeast, behind] = [answered + 100, seen.length];
    while (answered < atLeast || seen.length === behind) await new Promise<void>((resolve) => (wake = resolve));
  };
  for (let i = 0; i < restarts; i++) {
    await progress();
    await server.kill();
    await server.start();
  }
  await progress();
  over = true;
  await callersDone;
  stop.abort();
  expect(await feed).toMatchObject({ code: "ABORTED" });

  const runs = new Map<string, number>();
  for (const id of (await readFile(ledger, "utf8")).split("\n")) if (id !== "") runs.set(id, (runs.get(id) ?? 0) + 1);
  expect(outcomes.size).toBe(lastId);
  expect([...runs.values()].filter((count) => count > 1)).toEqual([]);
  const count = (matches: (error: TransportError | undefined, id: string) => boolean): number =>
    [...outcomes].filter(([id, error]) => matches(error, id)).length;
  expect(count((error, id) => error === undefined && !runs.has(id))).toBe(0);
  expect(count((error, id) => error?.replaySafe === true && runs.has(id))).toBe(0);
  expect(seen).toEqual(Array.from({ length: seen.length }, (_, i) => i + 1));

  const maybe = count((error) => error?.delivery === "maybe-sent");
  const ran = count((error, id) => error?.delivery === "maybe-sent" && runs.has(id));
  const unsent = count((error) => error?.replaySafe === true);
  console.log(
    `${restarts} restarts: ${answered} answered, ${unsent} not sent, ${maybe} maybe sent (${ran} of them ran); ${seen.length} messages without gap or double`,
  );
  console.log(
    `waits before ${waits.shares.length} dials, as shares of their bounds, should be uniform from 0 to 1: ${tenths(waits.shares)}`,
  );
  expect(waits.shares.length).toBeGreaterThanOrEqual(restarts);
  expect(maybe).toBeGreaterThan(0);
}, 240_000);

async function ask(transport: Transport, url: string, id: string): Promise<TransportError | undefined> {
  try {
    const { body } = await transport.request({ url, method: "POST", body: "x".repeat(100) });
    expect(await body.text()).toBe(id);
    return undefined;
  } catch (error) {
    if (!isTransportError(error)) throw error;
    return error;
  }
}

function tenths(shares: readonly number[]): string {
  const counts = Array.from({ length: 11 }, () => 0);
  for (const share of shares) counts[Math.min(10, Math.floor(share * 10))]!++;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return `mean ${mean.toFixed(2)}, by tenth ${counts.slice(0, 10).join(" ")}, above ${counts[10]}`;
}
