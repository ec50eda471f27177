import { answerOver, type Answering, exchangeOver, muxCode, type Pipe, pipePair } from "@holdfast/exchange";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { asking, failure, outcome, url } from "./ends.ts";
import { MuxPeer, turn, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { end, type } = wire;

describe("a GOAWAY", () => {
  it("refuses what is above it, which goes to another connection; what is not above it is finished", async () => {
    const { transport, peers, peer } = asking({ maxConnections: 2 });
    const asked = [1, 2, 3].map(() => outcome(transport, { method: "POST", body: "x" }));
    await until("all are asked", () => peer().of(type.headers).length === 3);
    peer().send(wire.goAway(3));
    await until("the third is asked elsewhere", () => peers[1]?.of(type.headers).length === 1);
    peers[1]?.send(wire.answer(1, end, [], 202));
    peer().send(wire.answer(1), wire.answer(3));
    await Promise.all(asked.map(({ done }) => done));
    expect(asked.map(({ status }) => status)).toEqual([200, 200, 202]);
    // Nothing is left to do on it.
    await until("it is closed", () => peer().ending !== undefined);
    expect(peer().ending).toEqual({ error: undefined });
    await transport.close();
  });

  it("twice, the second with a lower id and a code, refuses what is then above it", async () => {
    const { transport, peers, peer } = asking();
    const asked = [1, 2].map(() => outcome(transport, { method: "POST", body: "x" }));
    await until("both are asked", () => peer().of(type.headers).length === 2);
    peer().send(wire.goAway(2 ** 32 - 1), wire.goAway(1, muxCode.overload, "too much"));
    await until("one is asked elsewhere", () => peers[1]?.of(type.headers).length === 1);
    peers[1]?.send(wire.answer(1));
    peer().send(wire.answer(1));
    await Promise.all(asked.map(({ done }) => done));
    expect(asked.map(({ status }) => status)).toEqual([200, 200]);
    await transport.close();
  });

  it("does not refuse what was answered already: that is cut", async () => {
    const { transport, peer } = asking();
    const asked = outcome(transport);
    await until("it is asked", () => peer().of(type.headers).length === 1);
    peer().send(wire.answer(1, 0), wire.data(1, "half"), wire.goAway(0));
    await asked.done;
    expect(asked.error).toMatchObject({ code: "TRUNCATED" });
    await transport.close();
  });

  it("in one message with SETTINGS lets nothing be sent behind it", async () => {
    const { transport, peers } = asking({}, (server, index) => {
      if (index === 0) server.send(wire.settings(), wire.goAway(0));
      else server.send(wire.settings());
    });
    const asked = outcome(transport, { method: "POST", body: "x" });
    await until("it is asked", () => peers[1]?.of(type.headers).length === 1);
    expect(peers[0]?.of(type.headers)).toEqual([]);
    peers[1]?.send(wire.answer(1));
    await asked.done;
    expect(asked).toMatchObject({ status: 200, error: undefined });
    await transport.close();
    expect(transport.stats().connections).toEqual({ connecting: 0, active: 0, idle: 0, draining: 0 });
  });
});

describe("SETTINGS", () => {
  it("say what we take, and that the server may open nothing", async () => {
    const { transport, peer } = asking({
      windows: { streamBytes: 200_000, connectionBytes: 300_000 },
      limits: { headBytes: 1_000 },
    });
    void outcome(transport);
    await until("it is connected", () => peer().frames.length > 0);
    const { payload } = await peer().next(type.settings);
    const said = Array.from({ length: payload.byteLength / 6 }, (_, i) => [
      payload.readUInt16BE(i * 6),
      payload.readUInt32BE(i * 6 + 2),
    ]);
    expect(Object.fromEntries(said)).toEqual({ 1: 200_000, 2: 300_000, 3: 0, 4: 16_384, 5: 1_000 });
    await transport.destroy();
  });

  it("bound the exchanges on a connection, raised and lowered in flight; others wait or dial", async () => {
    const { transport, peer } = asking({ maxConnections: 1 }, (server) => server.send(wire.settings({ 3: 1 })));
    const asked = [1, 2, 3, 4].map(() => outcome(transport));
    const sent = (count: number): Promise<void> =>
      until(`${count} are asked`, () => peer().of(type.headers).length === count);
    await sent(1);
    await peer().quiet();
    expect(transport.stats().exchanges).toEqual({ queued: 3, inFlight: 1 });
    peer().send(wire.settings({ 3: 3 }));
    await sent(3);
    peer().send(wire.settings({ 3: 1 }), wire.answer(1), wire.answer(3));
    await until("two are answered", () => asked.filter(({ settled }) => settled).length === 2);
    await peer().quiet();
    expect(peer().of(type.headers)).toHaveLength(3);
    peer().send(wire.answer(5));
    await sent(4);
    peer().send(wire.answer(7));
    await Promise.all(asked.map(({ done }) => done));
    expect(asked.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await transport.close();
  });

  it("that allow nothing leave exchanges waiting, and nobody dials for that", async () => {
    const { transport, peer, peers } = asking({}, (server) => server.send(wire.settings({ 3: 0 })));
    const asked = outcome(transport);
    await until("it is connected", () => transport.stats().connections.idle === 1);
    await peer().quiet();
    expect(peer().of(type.headers)).toEqual([]);
    expect(peers).toHaveLength(1);
    peer().send(wire.settings({ 3: 5 }));
    await until("it is asked", () => peer().of(type.headers).length === 1);
    peer().send(wire.answer(1));
    await asked.done;
    expect(asked.status).toBe(200);
    await transport.close();
  });

  it("that raise windows let streams under way go on", async () => {
    const { transport, peer } = asking();
    void outcome(transport, { method: "POST", body: Buffer.alloc(300_000) });
    await until("the first window is full", () => peer().bytes(1) === 65_536);
    peer().send(wire.settings({ 1: 200_000 }));
    await peer().quiet();
    expect(peer().bytes(1)).toBe(65_536);
    peer().send(wire.settings({ 2: 150_000 }));
    await until("the connection's is full", () => peer().bytes(1) === 150_000);
    peer().send(wire.window(0, 1_000_000));
    await until("the stream's is full", () => peer().bytes(1) === 200_000);
    await transport.destroy();
  });

  it("that allow longer frames are used", async () => {
    const { transport, peer } = asking({}, (server) => server.send(wire.settings({ 4: 60_000 })));
    void outcome(transport, { method: "POST", body: Buffer.alloc(65_000) });
    await until("all has come", () => peer().bytes(1) === 65_000);
    expect(
      peer()
        .of(type.data)
        .map(({ payload }) => payload.byteLength),
    ).toEqual([60_000, 5_000]);
    await transport.destroy();
  });

  it("that never come fail the dial in time", async () => {
    const { transport, peer } = asking({ timeouts: { connectMs: 20 } }, () => {});
    expect(await failure(transport.request({ url }))).toMatchObject({ code: "CONNECT_TIMEOUT", delivery: "not-sent" });
    await until("the pipe is destroyed", () => peer().ending !== undefined);
    await transport.close();
  });
});

describe("a connection that ends", () => {
  it("before its SETTINGS is a failed dial", async () => {
    const { transport } = asking({}, (server) => server.destroy());
    expect(await failure(transport.request({ url }))).toMatchObject({ code: "CONNECT_FAILED", delivery: "not-sent" });
    await transport.close();
  });

  it.each([
    { how: "in good order", leave: (peer: MuxPeer) => peer.close() },
    { how: "at once", leave: (peer: MuxPeer) => peer.destroy() },
  ])("$how under a request loses it, and cuts a response", async ({ leave }) => {
    const { transport, peer } = asking();
    const lost = outcome(transport, { method: "POST", body: "x" });
    const cut = outcome(transport, { method: "POST", body: "x" });
    await until("both are asked", () => peer().of(type.data).length === 2);
    peer().send(wire.answer(3, 0), wire.data(3, "half"));
    leave(peer());
    await Promise.all([lost.done, cut.done]);
    expect(lost.error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
    expect(cut.error).toMatchObject({ code: "TRUNCATED", delivery: "answered" });
    await transport.close();
  });

  it("in the moment in which it was opened leaves nothing", async () => {
    const { transport, peers } = asking({}, (server, index) => {
      server.send(wire.settings(), ...(index === 0 ? [wire.window(0, 0)] : []));
    });
    const asked = outcome(transport, { method: "POST", body: "x" });
    await until("it is asked elsewhere", () => peers[1]?.of(type.headers).length === 1);
    peers[1]?.send(wire.answer(1));
    await asked.done;
    expect(asked.status).toBe(200);
    await transport.close();
  });

  it("is not waited for when it was given up in the moment in which it was opened", async () => {
    const [near, far] = pipePair();
    let settle: (() => void) | undefined;
    const transport = exchangeOver(() => {
      const pipe: Pipe = {
        start: (listener) => {
          near.start(listener);
          // As if the SETTINGS came while nobody waits for the connection any more.
          settle = () => listener.message(wire.settings());
        },
        send: near.send.bind(near),
        close: near.close.bind(near),
        destroy: near.destroy.bind(near),
      };
      return pipe;
    });
    const peer = new MuxPeer(far);
    const asked = outcome(transport);
    await until("we have said hello", () => peer.frames.length === 1);
    settle?.();
    const destroyed = transport.destroy();
    await Promise.all([asked.done, destroyed]);
    expect(asked.error).toMatchObject({ code: "CLOSED" });
    expect(transport.stats().connections).toEqual({ connecting: 0, active: 0, idle: 0, draining: 0 });
    await until("the pipe is gone", () => peer.ending !== undefined);
  });
});

describe("liveness", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("asks a silent server while something is in flight, and gives up one that does not answer", async () => {
    const { transport, peer } = asking({
      ping: { intervalMs: 1_000, timeoutMs: 500 },
      timeouts: { headMs: Infinity },
      idleTimeoutMs: Infinity,
      maxAgeMs: Infinity,
    });
    const asked = outcome(transport, { method: "POST", body: "x", deadlineMs: Infinity });
    await until("it is asked", () => peer().of(type.data).length === 1);
    await vi.advanceTimersByTimeAsync(1_000);
    await peer().next(type.ping);
    peer().send(wire.ping("holdfast", wire.ack));
    await turn();
    await vi.advanceTimersByTimeAsync(1_000);
    await peer().next(type.ping);
    expect(asked.settled).toBe(false);
    await vi.advanceTimersByTimeAsync(500);
    await asked.done;
    expect(asked.error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
    expect(String(asked.error?.cause)).toContain("ping.timeoutMs");
    await transport.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves an idle connection alone, with no timer but that of the pool", async () => {
    const { transport, peer } = asking({ ping: { intervalMs: 100, timeoutMs: 50 }, idleTimeoutMs: 100_000 });
    const asked = outcome(transport);
    await until("it is asked", () => peer().of(type.headers).length === 1);
    await vi.advanceTimersByTimeAsync(1);
    peer().send(wire.answer(1));
    await asked.done;
    await vi.advanceTimersByTimeAsync(20_000);
    await turn();
    expect(peer().of(type.ping)).toEqual([]);
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1);
    await transport.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("answers the server's PING", async () => {
    const { transport, peer } = asking();
    void outcome(transport);
    await until("it is asked", () => peer().of(type.headers).length === 1);
    peer().send(wire.ping("abcdefgh"), wire.ping("unasked.", wire.ack));
    const pong = await peer().next(type.ping);
    expect([pong.flags, pong.payload.toString()]).toEqual([wire.ack, "abcdefgh"]);
    await peer().quiet();
    expect(peer().of(type.ping)).toHaveLength(1);
    await transport.destroy();
  });
});

describe("close and destroy", () => {
  it("close finishes what is in flight, in good order", async () => {
    const { transport, peer } = asking();
    const asked = outcome(transport);
    await until("it is asked", () => peer().of(type.headers).length === 1);
    const closed = transport.close();
    expect(await failure(transport.request({ url }))).toMatchObject({ code: "CLOSED" });
    peer().send(wire.answer(1, 0), wire.data(1, "last", end));
    await Promise.all([asked.done, closed]);
    expect(asked.text).toBe("last");
    expect(peer().ending).toEqual({ error: undefined });
  });

  it("destroy resets what is in flight, and ends the pipe", async () => {
    const { transport, peer } = asking();
    const asked = outcome(transport);
    await until("it is asked", () => peer().of(type.headers).length === 1);
    await transport.destroy(new Error("enough"));
    await asked.done;
    expect(asked.error).toMatchObject({ code: "CLOSED", cause: { message: "enough" } });
    await until("the pipe has ended", () => peer().ending !== undefined);
  });

  it("leave no listener on a signal and no timer behind, whatever became of the exchanges", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const ends: Answering[] = [];
      const transport = exchangeOver(() => {
        const [near, far] = pipePair();
        ends.push(
          answerOver(far, ({ url: { pathname } }) =>
            pathname === "/no" ? Promise.reject(new Error("no")) : { body: pathname },
          ),
        );
        return near;
      });
      const signal = new AbortController().signal;
      const added = vi.spyOn(signal, "addEventListener");
      const removed = vi.spyOn(signal, "removeEventListener");
      const asked = ["/", "/no", "/", "/no"].map((path) =>
        outcome(transport, { url: `http://a.example${path}`, signal, deadlineMs: 5_000 }),
      );
      await Promise.all(asked.map(({ done }) => done));
      await transport.close();
      await Promise.all(ends.map(({ closed }) => closed));
      expect(added.mock.calls.length).toBe(removed.mock.calls.length);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a server that has gone silent", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it.each([
    ["by default", {}, { deadlineMs: 5_000 }],
    ["by a limit of its own", { ping: { intervalMs: 1_000, timeoutMs: 500 } }, { timeouts: { headMs: 100 } }],
  ])("is found out though every exchange ends before its pings do, %s", async (_, options, limits) => {
    const { transport, peers, peer } = asking(options);
    const first = outcome(transport);
    await until("it is asked", () => peers[0]?.of(type.headers).length === 1);
    peer().send(wire.answer(1));
    await first.done;
    for (let asked = 0; peer().ending === undefined && asked < 20; asked++) {
      const { done } = outcome(transport, { method: "POST", body: "x", ...limits });
      await vi.advanceTimersByTimeAsync(6_000);
      await done;
      await peer().quiet();
    }
    expect(peer().ending).toBeDefined();
    expect(peer().of(type.ping)).toHaveLength(1);
    await transport.destroy();
  });
});
