import type { ExchangeHandler } from "@holdfast/exchange";
import type { TransportRequest } from "@holdfast/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asking, type Outcome, outcome, unsettled } from "./ends.ts";
import { type MuxPeer, turn, until } from "./mux-peer.ts";
import { encode, vectors } from "./vectors.ts";
import * as wire from "./wire.ts";

const { type } = wire;
/** More by FUZZ_RUNS=10000; a failure prints its seed and the smallest example. */
const numRuns = Number(process.env["FUZZ_RUNS"] ?? 500);
const limitMs = 30_000 + numRuns * 100;

// ---- what is sent

const streamId = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(1, 3, 5, 7, 9) },
  { weight: 1, arbitrary: fc.constantFrom(0, 2, 4, 2 ** 31, 2 ** 32 - 1) },
);
const flags = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(0, 1) }, { weight: 1, arbitrary: fc.nat({ max: 15 }) });
const size = fc.oneof(fc.nat({ max: 20 }), fc.constantFrom(1_000, 16_384, 16_385));

const field = fc.oneof(
  fc.constantFrom<readonly [string, string]>(
    ["a", "1"],
    ["content-length", "5"],
    ["set-cookie", "x"],
    ["A", ""],
    [":x", "1"],
  ),
  fc
    .tuple(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }))
    .map(([name, value]) => [latin(name), latin(value)] as const),
);
function latin(text: string): string {
  return Buffer.from(text).toString("latin1");
}
const path = fc.constantFrom("/echo", "/all", "/at-once", "/throws", "/large", "/late");
const plainRequest = path.map((to) =>
  wire.block([
    [":method", "POST"],
    [":path", to],
    [":authority", "a.example"],
  ]),
);
const requestHead = fc
  .tuple(fc.constantFrom("GET", "POST", "HEAD"), path, fc.array(field, { maxLength: 2 }))
  .map(([method, to, more]) => wire.block([[":method", method], [":path", to], [":authority", "a.example"], ...more]));
const responseHead = fc
  .tuple(fc.constantFrom("200", "200", "204", "304", "103", "101", "600"), fc.array(field, { maxLength: 2 }))
  .map(([status, more]) => wire.block([[":status", status], ...more]));
const trailers = fc.array(field, { maxLength: 2 }).map((pairs) => wire.block(pairs));
const anyBlock = fc.oneof(
  { weight: 5, arbitrary: requestHead },
  { weight: 5, arbitrary: responseHead },
  { weight: 2, arbitrary: trailers },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
);
const increment = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constantFrom(0, 2 ** 31 - 1));
const settings = fc
  .dictionary(
    fc.constantFrom("1", "2", "3", "4", "5", "77"),
    fc.constantFrom(0, 1, 65_536, 65_535, 16_384, 2 ** 20, 2 ** 32 - 1),
  )
  .map((values) => wire.settings(values));

const frame = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(streamId, size, flags).map(([id, bytes, flag]) => wire.data(id, bytes, flag)) },
  {
    weight: 8,
    arbitrary: fc
      .tuple(streamId, anyBlock, flags)
      .map(([id, block, flag]) => wire.frame(type.headers, flag, id, block)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(streamId, fc.nat({ max: 10 }), fc.string({ maxLength: 5 }))
      .map(([id, code, reason]) => wire.reset(id, code, reason)),
  },
  { weight: 4, arbitrary: fc.tuple(streamId, increment).map(([id, by]) => wire.window(id, by)) },
  { weight: 1, arbitrary: fc.tuple(streamId, fc.nat({ max: 10 })).map(([last, code]) => wire.goAway(last, code)) },
  { weight: 1, arbitrary: settings },
  { weight: 1, arbitrary: flags.map((flag) => wire.ping("12345678", flag)) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat({ max: 15 }), flags, streamId, fc.uint8Array({ maxLength: 12 }))
      .map(([of, flag, id, bytes]) => wire.frame(of, flag, id, bytes)),
  },
);

/** Frames in messages of any number of them, after SETTINGS. */
const frames = fc
  .array(fc.array(frame, { minLength: 1, maxLength: 6 }), { maxLength: 25 })
  .map((messages) => [wire.settings(), ...messages.map((of) => Buffer.concat(of))]);

const noise = fc
  .tuple(fc.boolean(), fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }))
  .map(([greets, messages]) => [...(greets ? [wire.settings()] : []), ...messages.map((bytes) => Buffer.from(bytes))]);

/** What an op does to one of the streams that may still be written to. */
interface Step {
  readonly does: "open" | "head" | "data" | "end" | "trailers" | "reset" | "window" | "settings" | "ping" | "any";
  readonly pick: number;
  readonly size: number;
  readonly block: Buffer;
  readonly any: Buffer;
  readonly flush: boolean;
}

/** Frames in an order in which they could come: few runs end by their first fault. */
function likely(from: "client" | "server"): fc.Arbitrary<readonly Buffer[]> {
  const does = fc.oneof(
    {
      weight: 80,
      arbitrary: fc.constantFrom<Step["does"]>("open", "head", "data", "data", "end", "trailers", "window"),
    },
    { weight: 12, arbitrary: fc.constantFrom<Step["does"]>("reset", "settings", "ping") },
    { weight: 1, arbitrary: fc.constant<Step["does"]>("any") },
  );
  const step: fc.Arbitrary<Step> = fc.record({
    does,
    pick: fc.nat({ max: 7 }),
    size: fc.oneof(fc.nat({ max: 20 }), fc.constantFrom(5_000, 16_384)),
    block: fc.oneof(
      { weight: 3, arbitrary: from === "client" ? plainRequest : fc.constant(wire.block([[":status", "200"]])) },
      { weight: 1, arbitrary: from === "client" ? requestHead : responseHead },
    ),
    any: frame,
    flush: fc.boolean(),
  });
  return fc.array(step, { minLength: 5, maxLength: 60, size: "max" }).map((steps) => inOrder(steps, from));
}

function inOrder(steps: readonly Step[], from: "client" | "server"): readonly Buffer[] {
  const messages = [wire.settings({ 1: 100_000, 2: 100_000 })];
  // Our client asks five times at once.
  const open = from === "server" ? [1, 3, 5, 7, 9] : [];
  const answered = new Set<number>();
  let next = 1;
  let batch: Buffer[] = [];
  for (const { does, pick, size: bytes, block, any, flush } of steps) {
    if (does === "open" && from === "client") {
      batch.push(wire.frame(type.headers, 0, next, block));
      open.push(next);
      next += 2;
    }
    const id = open[pick % Math.max(1, open.length)];
    if (id !== undefined) {
      if (from === "server" && !answered.has(id) && pick > 0) batch.push(wire.answer(id, 0));
      answered.add(id);
      if (does === "head" && from === "server") batch.push(wire.frame(type.headers, 0, id, block));
      else if (does === "data") batch.push(wire.data(id, bytes));
      else if (does === "window") batch.push(wire.window(pick % 2 === 0 ? 0 : id, bytes + 1));
      else if (does === "end") batch.push(wire.data(id, bytes, wire.end));
      else if (does === "trailers") batch.push(wire.headers(id, [["t", "1"]], wire.end));
      else if (does === "reset") batch.push(wire.reset(id, bytes % 10));
      if (["end", "trailers", "reset"].includes(does)) open.splice(open.indexOf(id), 1);
    }
    if (does === "settings") batch.push(wire.settings({ 3: pick }));
    else if (does === "ping") batch.push(wire.ping());
    else if (does === "any") batch.push(any);
    if (!flush || batch.length === 0) continue;
    messages.push(Buffer.concat(batch));
    batch = [];
  }
  return batch.length === 0 ? messages : [...messages, Buffer.concat(batch)];
}

/** What one side of a conversation says, changed here and there. */
function mutated(from: "client" | "server"): fc.Arbitrary<readonly Buffer[]> {
  const said = vectors.conversations.map(({ steps }) =>
    steps.filter((step) => step.from === from).map((step) => encode(step.frames)),
  );
  const change = fc.record({
    kind: fc.constantFrom("flip", "cut", "repeat", "swap", "grow"),
    at: fc.nat(),
    by: fc.integer({ min: 1, max: 255 }),
  });
  return fc
    .tuple(fc.constantFrom(...said), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([messages, changes]) => {
      const made: Buffer[] = messages.map((message) => Buffer.from(message));
      for (const { kind, at, by } of changes) {
        // The SETTINGS in front stay, mostly: behind broken ones nothing is reached.
        const i = made.length > 1 && by < 250 ? 1 + (at % (made.length - 1)) : 0;
        const message = made[i] as Buffer;
        const where = message.byteLength === 0 ? 0 : at % message.byteLength;
        if (kind === "flip" && message.byteLength > 0) message.writeUInt8(message.readUInt8(where) ^ by, where);
        else if (kind === "cut") made[i] = message.subarray(0, where);
        else if (kind === "repeat") made.splice(i, 0, Buffer.from(message));
        else if (kind === "grow") made[i] = Buffer.concat([message, made[at % made.length] as Buffer]);
        else if (kind === "swap") [made[i], made[at % made.length]] = [made[at % made.length] as Buffer, message];
      }
      return made;
    });
}

// ---- what must hold

/** A connection that was given up says why and is closed for it; any other is up, or was left in good order. */
async function expectAnEnding(peer: MuxPeer): Promise<void> {
  await peer.quiet();
  if (peer.ending === undefined) {
    const before = peer.frames.length;
    peer.send(wire.ping("still up"));
    await peer.quiet();
    const [last] = peer.frames.slice(before).filter((one) => one.type === type.ping || one.type === type.goAway);
    expect(last).toBeDefined();
    if (last?.type === type.ping) return;
  }
  const { error } = peer.ending ?? { error: undefined };
  if (error === undefined) return;
  const goAway = peer.of(type.goAway).at(-1);
  expect(goAway?.payload.readUInt32BE(4)).toBeGreaterThan(0);
  expect(String(error)).toContain("closed with 1002");
}

async function fuzzServer(messages: readonly Buffer[]): Promise<void> {
  let running = 0;
  const handler: ExchangeHandler = async ({ url: { pathname }, body, trailers, signal }) => {
    running++;
    try {
      if (pathname === "/throws") throw new Error("no");
      if (pathname === "/at-once") return { body: "at once" };
      if (pathname === "/large") return { body: Buffer.alloc(100_000), trailers: () => ({ a: "1" }) };
      if (pathname === "/echo") return { body };
      if (pathname === "/late") await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return { body: await body.bytes(), trailers: () => trailers };
    } finally {
      running--;
    }
  };
  const { end, peer } = unsettled(handler);
  for (const message of messages) {
    peer.send(message);
    if (message.byteLength % 2 === 0) await turn();
    expect(end.openStreams).toBeLessThanOrEqual(100);
  }
  await expectAnEnding(peer);
  peer.destroy();
  await end.closed;
  await until("the handlers have done", () => running === 0);
}

async function fuzzClient(messages: readonly Buffer[]): Promise<void> {
  const [first, ...others] = messages;
  const { transport, peers } = asking({ maxConnections: 1 }, (peer, index) => {
    if (index > 0) peer.destroy();
    else if (first !== undefined) peer.send(first);
  });
  const ask = (request: Partial<TransportRequest>): Outcome => outcome(transport, { ...request, deadlineMs: Infinity });
  const asked = [
    ask({}),
    ask({ method: "POST", body: "hello" }),
    ask({ method: "POST", body: () => chunks(), trailers: () => ({ a: "1" }) }),
    ask({ method: "HEAD" }),
    ask({ method: "PUT", body: Buffer.alloc(100_000) }),
  ];
  await until("it dials", () => peers.length > 0);
  const peer = peers[0] as MuxPeer;
  await turn();
  for (const message of others) {
    peer.send(message);
    if (message.byteLength % 2 === 0) await turn();
  }
  await expectAnEnding(peer);
  peer.destroy();
  await Promise.all(asked.map(({ done }) => done));
  await transport.close();
  expect(transport.stats().connections).toEqual({ connecting: 0, active: 0, idle: 0, draining: 0 });
}

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 3; i++) yield Buffer.alloc(30_000);
}

describe("whatever comes, nothing escapes, everything settles, and what breaks the rules is told:", () => {
  const ends = [
    { end: "a server", run: fuzzServer, side: "client" },
    { end: "a client", run: fuzzClient, side: "server" },
  ] as const;
  describe.each(ends)("$end that gets", ({ run, side }) => {
    it("octets at random", () => fc.assert(fc.asyncProperty(noise, run), { numRuns }), limitMs);
    it("frames in a likely order", () => fc.assert(fc.asyncProperty(likely(side), run), { numRuns }), limitMs);
    it("frames at random", () => fc.assert(fc.asyncProperty(frames, run), { numRuns }), limitMs);
    it(
      "conversations that were tampered with",
      () => fc.assert(fc.asyncProperty(mutated(side), run), { numRuns }),
      limitMs,
    );
  });
});

describe("frames mean the same in whatever messages they come", () => {
  it(
    "at a server",
    async () => {
      const said = fc.array(
        fc.record({ path: fc.constantFrom("/echo", "/all"), body: fc.array(fc.nat({ max: 3_000 }), { maxLength: 4 }) }),
        { minLength: 1, maxLength: 8 },
      );
      const property = fc.asyncProperty(
        said,
        fc.array(fc.nat({ max: 6 }), { minLength: 1 }),
        async (requests, cuts) => {
          const { end, peer } = unsettled(async ({ body }) => ({ body: await body.bytes() }));
          const all = [wire.settings({ 1: 2 ** 24, 2: 2 ** 24 })];
          for (const [i, { path, body }] of requests.entries()) {
            all.push(wire.ask(2 * i + 1, 0, [], path, "POST"), ...body.map((bytes) => wire.data(2 * i + 1, bytes)));
            all.push(wire.data(2 * i + 1, "", wire.end));
          }
          for (let i = 0; all.length > 0; i++) peer.send(...all.splice(0, 1 + (cuts[i % cuts.length] as number)));
          await until(
            "all is answered",
            () => peer.frames.filter((one) => one.flags === wire.end && one.type < 2).length === requests.length,
          );
          const sums = requests.map(({ body }) => body.reduce((sum, bytes) => sum + bytes, 0));
          expect(requests.map((_, i) => peer.bytes(2 * i + 1))).toEqual(sums);
          peer.close();
          await end.closed;
        },
      );
      await fc.assert(property, { numRuns: Math.ceil(numRuns / 3) });
    },
    limitMs,
  );
});
