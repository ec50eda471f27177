import { answerOver, type ExchangeHandler, type Pipe, pipePair } from "@holdfast/exchange";
import { describe, expect, it } from "vitest";
import { answering, asking, outcome } from "./ends.ts";
import { MuxPeer, turn, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { end, type } = wire;
const wide = { 1: 2 ** 30, 2: 2 ** 30 };

/** The streams of DATA frames, in the order in which they came. */
function order(peer: MuxPeer): number[] {
  return peer.of(type.data).map(({ stream }) => stream);
}

/** Bodies of so many octets, by path. */
const bodies: ExchangeHandler = ({ url: { pathname } }) => ({ body: Buffer.alloc(Number(pathname.slice(1))) });

function askFor(stream: number, bytes: number): Buffer {
  return wire.ask(stream, end, [], `/${bytes}`);
}

describe("streams with much to send", () => {
  it("take turns, one frame each", async () => {
    const { peer } = answering(bodies, {}, wide);
    peer.send(askFor(1, 160_000), askFor(3, 160_000), askFor(5, 80_000));
    await until("all has come", () => peer.bytes() === 400_000);
    expect(order(peer).slice(0, 15)).toEqual([1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3, 5, 1, 3, 5]);
    peer.close();
  });

  it("let one that has little go past", async () => {
    const { peer } = answering(bodies, {}, wide);
    peer.send(askFor(1, 10_000_000));
    await peer.next(type.data, 1);
    peer.send(askFor(3, 100));
    const before = peer.of(type.data, 1).length;
    await peer.next(type.data, 3);
    const between = peer.frames.slice(
      0,
      peer.frames.findIndex(({ stream }) => stream === 3),
    );
    // A quarter of a mebibyte is under way at a time: 16 frames until the server has heard, and 16 until we hear of it.
    const passed = between.filter(({ type: of }) => of === type.data).length - before;
    expect(passed).toBeLessThanOrEqual(48);
    peer.destroy();
  });

  it("take turns also when there is credit for one frame of one stream at a time", async () => {
    const { peer } = answering(bodies, {}, { 1: 2 ** 30 });
    peer.send(askFor(1, 200_000), askFor(3, 200_000), askFor(5, 200_000));
    await until("the connection's window is full", () => peer.bytes() === 65_536);
    for (let i = 0; i < 12; i++) {
      peer.send(wire.window(0, 16_384));
      await peer.quiet();
    }
    const counts = [1, 3, 5].map((id) => order(peer).filter((stream) => stream === id).length);
    expect([Math.min(...counts), Math.max(...counts)]).toEqual([5, 6]);
    peer.destroy();
  });

  it("take turns also when the pipe has room for one message at a time", async () => {
    const [near, far] = pipePair();
    const waiting: (() => void)[] = [];
    const slow: Pipe = {
      start: near.start.bind(near),
      send: (message, written) => {
        near.send(message, () => {});
        waiting.push(written);
      },
      close: near.close.bind(near),
      destroy: near.destroy.bind(near),
    };
    const peer = new MuxPeer(far);
    answerOver(slow, bodies);
    peer.send(wire.settings(wide));
    peer.send(askFor(1, 1_000_000), askFor(3, 1_000_000), askFor(5, 1_000_000));
    await peer.quiet();
    const before = order(peer).length;
    for (let i = 0; i < 60; i++) {
      waiting.shift()?.();
      await turn();
      await turn();
    }
    const counts = [1, 3, 5].map(
      (id) =>
        order(peer)
          .slice(before)
          .filter((stream) => stream === id).length,
    );
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(Math.min(...counts)).toBeGreaterThan(3);
    peer.destroy();
    for (const written of waiting) written();
  });

  it("leave the end of a stream, which needs no credit, its way", async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    const { peer } = answering(
      ({ url: { pathname } }) => ({
        body: (async function* () {
          if (pathname === "/late") await go;
          else yield Buffer.alloc(100_000);
        })(),
      }),
      {},
      { 1: 2 ** 30 },
    );
    peer.send(wire.ask(1, end, [], "/full"), wire.ask(3, end, [], "/late"));
    await until("the connection's window is full", () => peer.bytes() === 65_536);
    resolve();
    expect((await peer.next(type.data, 3)).flags).toBe(end);
    expect(peer.of(type.data, 1).some(({ flags }) => flags === end)).toBe(false);
    peer.destroy();
  });
});

describe("what is written in one turn", () => {
  it("leaves as one message: requests of one turn, and their answers", async () => {
    const { transport, peer } = asking({ maxConnections: 1 });
    const first = outcome(transport);
    await until("it is asked", () => peer().of(type.headers).length === 1);
    peer().send(wire.answer(1));
    await first.done;
    const before = peer().messages.length;
    const asked = Array.from({ length: 20 }, () => outcome(transport, { method: "POST", body: "small" }));
    await until("all are asked", () => peer().of(type.data).length === 20);
    expect(peer().messages.length - before).toBe(1);
    peer().send(
      ...peer()
        .of(type.data)
        .map(({ stream }) => wire.answer(stream)),
    );
    await Promise.all(asked.map(({ done }) => done));
    await transport.close();
  });

  it("leaves in messages of at most 65,543 octets", async () => {
    const { peer } = answering(bodies, {}, { ...wide, 4: 65_535 });
    peer.send(askFor(1, 1_000_000), askFor(3, 1_000_000));
    await until("all has come", () => peer.bytes() === 2_000_000);
    expect(Math.max(...peer.messages.map(({ byteLength }) => byteLength))).toBeLessThanOrEqual(65_543);
    peer.close();
  });

  it("goes out heads and credit first, then bodies", async () => {
    const { peer } = answering(bodies, {}, wide);
    peer.send(askFor(1, 50_000), askFor(3, 50_000), wire.ping());
    await until("all has come", () => peer.bytes() === 100_000);
    const kinds = peer.frames.map(({ type: of }) => of);
    expect(kinds.indexOf(type.data)).toBeGreaterThan(kinds.lastIndexOf(type.headers));
    expect(kinds.indexOf(type.data)).toBeGreaterThan(kinds.indexOf(type.ping));
    peer.close();
  });
});

describe("a peer that does not read", () => {
  it("while it pings costs no more than what its messages hold", async () => {
    const [near, far] = pipePair();
    const kept: Uint8Array[] = [];
    const stuck: Pipe = {
      start: near.start.bind(near),
      send: (message) => void kept.push(message),
      close: near.close.bind(near),
      destroy: near.destroy.bind(near),
    };
    far.start({ message: () => {}, closed: () => {} });
    const answers = answerOver(stuck, () => ({ headers: { a: "x".repeat(1_000) } }));
    far.send(wire.settings(), () => {});
    for (let i = 0; i < 800; i++) {
      far.send(i % 2 === 0 ? wire.ask(i + 1) : wire.ping(), () => {});
      await turn();
      await turn();
    }
    const held = new Set(kept.map(({ buffer }) => buffer));
    const heldBytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const bytes = kept.reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeGreaterThan(400_000);
    expect(heldBytes).toBeLessThan(bytes + 65_536 * 8);
    answers.destroy();
    await answers.closed;
  });
});
