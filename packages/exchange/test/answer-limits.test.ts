import { answerOver, muxCode, pipePair } from "@holdfast/exchange";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answering } from "./ends.ts";
import { type MuxPeer, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { end, type } = wire;

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const post = (id: number): Buffer => wire.ask(id, 0, [], "/", "POST");

/** What has been answered on this stream: status, body, code of the reset. */
function answered(peer: MuxPeer, id: number): readonly [string | undefined, string, number | undefined] {
  const [head] = peer.of(type.headers, id);
  const body = Buffer.concat(peer.of(type.data, id).map(({ payload }) => payload)).toString();
  const [cut] = peer.of(type.reset, id);
  return [
    head === undefined ? undefined : new Map(wire.readPairs(head.payload)).get(":status"),
    body,
    cut?.payload.readUInt32BE(),
  ];
}

async function pass(ms: number, peer: MuxPeer): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await peer.quiet();
}

describe("a request whose body does not come", () => {
  const late = "the request body did not come in time\n";

  it.each([
    ["timeouts.bodyGapMs", { bodyGapMs: 1_000 }],
    ["timeouts.requestMs", { requestMs: 1_000 }],
  ])("within %s is answered 408, and its handler told", async (_, timeouts) => {
    const reasons: unknown[] = [];
    const { peer, end: answers } = answering(
      async ({ body, signal }) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        return { body: await body.text() };
      },
      { timeouts },
    );
    peer.send(post(1), wire.data(1, "some"));
    await peer.quiet();
    await pass(900, peer);
    expect(answered(peer, 1)[0]).toBeUndefined();
    await pass(700, peer);
    expect(answered(peer, 1)).toEqual(["408", late, muxCode.none]);
    expect(reasons).toMatchObject([{ name: "TimeoutError" }]);
    expect(answers.openStreams).toBe(0);
    peer.close();
  });

  it("is cut where the answer has begun", async () => {
    const { peer } = answering(({ body }) => ({ body }), { timeouts: { bodyGapMs: 1_000 } });
    peer.send(post(1), wire.data(1, "some"));
    await peer.quiet();
    await pass(2_000, peer);
    expect(answered(peer, 1)).toEqual(["200", "some", muxCode.cancelled]);
    peer.close();
  });

  it("is given all its time as long as something comes, but no more than timeouts.requestMs", async () => {
    const { peer } = answering(async ({ body }) => ({ body: await body.text() }), {
      timeouts: { bodyGapMs: 1_000, requestMs: 10_000 },
    });
    peer.send(post(1));
    await peer.quiet();
    for (let seconds = 0; seconds < 8; seconds++) {
      peer.send(wire.data(1, "."));
      await pass(900, peer);
    }
    expect(answered(peer, 1)[0]).toBeUndefined();
    for (let seconds = 0; seconds < 6; seconds++) {
      peer.send(wire.data(1, "."));
      await pass(900, peer);
    }
    expect(answered(peer, 1)[0]).toBe("408");
    peer.close();
  });

  it("because its handler does not read waits for that", async () => {
    const { promise: held, resolve: read } = Promise.withResolvers<void>();
    const { peer } = answering(
      async ({ body }) => {
        await held;
        return { body: String((await body.bytes()).byteLength) };
      },
      { timeouts: { bodyGapMs: 1_000 } },
    );
    peer.send(post(1), ...Array.from({ length: 5 }, () => wire.data(1, 16_384)));
    await peer.quiet();
    await pass(5_000, peer);
    expect(answered(peer, 1)[0]).toBeUndefined();
    peer.send(wire.data(1, "", end));
    read();
    await until("it is answered", () => answered(peer, 1)[1] === String(5 * 16_384));
    peer.close();
  });
});

describe("an answer", () => {
  it("that is not taken within timeouts.bodyGapMs is cut; one that is taken, however slowly, is not", async () => {
    const { peer } = answering(() => ({ body: new Uint8Array(100_000) }), { timeouts: { bodyGapMs: 1_000 } });
    peer.send(wire.ask(1), wire.ask(3));
    await peer.quiet();
    for (let i = 0; i < 5; i++) {
      peer.send(wire.window(0, 50_000), wire.window(3, 5_000));
      await pass(900, peer);
    }
    expect([answered(peer, 1)[2], answered(peer, 3)[2]]).toEqual([muxCode.cancelled, undefined]);
    peer.close();
  });

  it("that its handler takes long over is waited for", async () => {
    const { promise: held, resolve: go } = Promise.withResolvers<void>();
    const { peer } = answering(
      async () => {
        await held;
        return { body: "done" };
      },
      { timeouts: { bodyGapMs: 1_000, requestMs: 1_000 } },
    );
    peer.send(wire.ask(1));
    await peer.quiet();
    await pass(5_000, peer);
    go();
    await until("it is answered", () => answered(peer, 1)[1] === "done");
    peer.close();
  });
});

describe("a head of more than limits.maxFields fields", () => {
  it("is answered 431, and no handler sees it", async () => {
    let called = 0;
    const { peer } = answering(() => ({ body: String(++called) }), { limits: { maxFields: 2 } });
    peer.send(wire.ask(1, end, wire.fields("a=1", "b=1")), wire.ask(3, end, wire.fields("a=1", "a=2", "a=3")));
    await until("both are answered", () => peer.of(type.data).length === 2);
    expect([answered(peer, 1)[0], answered(peer, 3)[0], called]).toEqual(["200", "431", 1]);
    peer.close();
  });
});

it("limits of answers are numbers", () => {
  for (const [name, options] of [
    ["timeouts.requestMs", { timeouts: { requestMs: 0 } }],
    ["timeouts.bodyGapMs", { timeouts: { bodyGapMs: -1 } }],
    ["limits.maxFields", { limits: { maxFields: 0 } }],
  ] as const)
    expect(() => answerOver(pipePair()[0], () => ({}), options)).toThrow(name);
});
