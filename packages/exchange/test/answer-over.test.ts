import { answerOver, type ExchangeHandler, exchangeOver, muxCode, type Pipe, pipePair } from "@holdfast/exchange";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answering, failure, outcome, url } from "./ends.ts";
import { peerPair, turn, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { end, type } = wire;

/** Answers `/held` when it is told to, all others at once. */
function gate(): { readonly handler: ExchangeHandler; readonly open: () => void; readonly held: () => number } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let held = 0;
  return {
    open: resolve,
    held: () => held,
    handler: async ({ url: { pathname } }) => {
      if (pathname === "/held") {
        held++;
        await promise;
      }
      return { body: pathname };
    },
  };
}

describe("answerOver refuses options that are none and names them", () => {
  it.each([
    [{ settingsTimeoutMs: 0 }, "settingsTimeoutMs"],
    [{ idleTimeoutMs: -1 }, "idleTimeoutMs"],
    [{ limits: { bodyBytes: -1 } }, "limits.bodyBytes"],
    [{ limits: { headBytes: 70_000 } }, "limits.headBytes"],
    [{ maxStreams: 1.5 }, "maxStreams"],
    [{ windows: { streamBytes: 1 } }, "windows.streamBytes"],
    [{ windows: { connectionBytes: 2 ** 27 } }, "windows.connectionBytes"],
    [{ ping: { intervalMs: 0 } }, "ping.intervalMs"],
  ])("%o", (options, name) => {
    expect(() => answerOver(pipePair()[0], () => ({}), options)).toThrow(name);
  });
});

describe("a client that sends no SETTINGS", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
  afterEach(() => void vi.useRealTimers());

  it("is given up in time, and told why", async () => {
    const { pipe, peer } = peerPair();
    const answers = answerOver(pipe, () => ({}), { settingsTimeoutMs: 400 });
    await peer.next(type.settings);
    await vi.advanceTimersByTimeAsync(399);
    await turn();
    expect(peer.ending).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(await peer.violation()).toMatchObject({ code: muxCode.protocol, closed: true });
    await answers.closed;
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a connection without a request", () => {
  // The clock too: how long it was idle is asked of it.
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  it("is closed with GOAWAY when it was idle for long, counted from its last answer", async () => {
    const { handler, open, held } = gate();
    const { peer, end: answers } = answering(handler, { idleTimeoutMs: 1_000, ping: { intervalMs: Infinity } });
    peer.send(wire.ask(1, end, [], "/held"));
    await until("it is held", () => held() === 1);
    await vi.advanceTimersByTimeAsync(5_000);
    open();
    await peer.next(type.data, 1);
    await vi.advanceTimersByTimeAsync(900);
    expect(answers.openStreams).toBe(0);
    expect(peer.ending).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1_100);
    await peer.next(type.goAway);
    await answers.closed;
    expect(peer.ending?.error).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that has gone silent under a request is found out by PING", async () => {
    const { handler, held } = gate();
    const { peer, end: answers } = answering(handler, { ping: { intervalMs: 1_000, timeoutMs: 500 } });
    peer.send(wire.ask(1, end, [], "/held"));
    await until("it is held", () => held() === 1);
    await vi.advanceTimersByTimeAsync(1_000);
    await peer.next(type.ping);
    peer.send(wire.ping("holdfast", wire.ack));
    await turn();
    await vi.advanceTimersByTimeAsync(1_000);
    await turn();
    await peer.next(type.ping);
    await vi.advanceTimersByTimeAsync(500);
    await answers.closed;
    expect(String(peer.ending?.error)).toContain("ping.timeoutMs");
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("drain", () => {
  it("refuses what is new, finishes what is open, then closes in good order", async () => {
    const { handler, open, held } = gate();
    const { peer, end: answers } = answering(handler);
    peer.send(wire.ask(1, end, [], "/held"));
    await until("it is held", () => held() === 1);
    const drained = answers.drain();
    const goAway = await peer.next(type.goAway);
    expect([goAway.payload.readUInt32BE(0), goAway.payload.readUInt32BE(4)]).toEqual([1, muxCode.none]);
    peer.send(wire.ask(3));
    expect((await peer.next(type.reset, 3)).payload.readUInt32BE()).toBe(muxCode.refused);
    open();
    expect((await peer.next(type.data, 1)).payload.toString()).toBe("/held");
    await drained;
    expect(peer.ending).toEqual({ error: undefined });
  });

  it("twice says goodbye once, and after the end it is over at once", async () => {
    const { peer, end: answers } = answering();
    await peer.next(type.settings);
    await Promise.all([answers.drain(), answers.drain()]);
    await answers.drain();
    answers.destroy();
    expect(peer.of(type.goAway)).toHaveLength(1);
  });

  it.each([
    { by: "its deadline", options: { deadlineMs: 1 } },
    { by: "its signal", options: { deadlineMs: Infinity, signal: AbortSignal.abort() } },
  ])("ends by $by what does not finish", async ({ options }) => {
    const { handler, held, open } = gate();
    const { peer, end: answers } = answering(handler);
    peer.send(wire.ask(1, end, [], "/held"));
    await until("it is held", () => held() === 1);
    await answers.drain(options);
    expect(peer.ending?.error).toBeInstanceOf(Error);
    expect(answers.openStreams).toBe(0);
    open();
  });

  it("follows the client's own goodbye", async () => {
    const { handler, open, held } = gate();
    const { peer, end: answers } = answering(handler);
    peer.send(wire.ask(1, end, [], "/held"));
    await until("it is held", () => held() === 1);
    peer.send(wire.goAway(0));
    open();
    await answers.closed;
    expect(peer.bytes(1)).toBe(5);
    expect(peer.ending).toEqual({ error: undefined });
  });

  it("on either side loses nothing and does nothing twice", async () => {
    const seen: string[] = [];
    const ends: ReturnType<typeof answerOver>[] = [];
    const transport = exchangeOver(
      () => {
        const [near, far] = pipePair();
        const answers = answerOver(
          far,
          async ({ url: { pathname }, body }) => {
            seen.push(pathname);
            // Some connections leave while they are at work.
            if (seen.length % 40 === 0) void answers.drain();
            return { body: `${pathname} ${await body.text()}` };
          },
          { maxStreams: 5 },
        );
        ends.push(answers);
        return near;
      },
      { maxConnections: 2 },
    );
    const asked = Array.from({ length: 300 }, (_, i) =>
      outcome(transport, { url: `http://a.example/${i}`, method: "POST", body: "x".repeat(i) }),
    );
    await Promise.all(asked.map(({ done }) => done));
    await transport.close();
    await Promise.all(ends.map(({ closed }) => closed));
    expect(asked.map(({ text, error }) => error ?? text)).toEqual(asked.map((_, i) => `/${i} ${"x".repeat(i)}`));
    expect([...seen].sort()).toEqual([...new Set(seen)].sort());
    expect(seen).toHaveLength(300);
  });
});

describe("a limit on streams", () => {
  it("refuses those beyond it, and takes others when there is room again", async () => {
    const { handler, open, held } = gate();
    const { peer } = answering(handler, { maxStreams: 2 });
    expect((await peer.next(type.settings)).payload.readUInt32BE(2 * 6 + 2)).toBe(2);
    for (const id of [1, 3, 5]) peer.send(wire.ask(id, end, [], "/held"));
    expect((await peer.next(type.reset, 5)).payload.readUInt32BE()).toBe(muxCode.refused);
    expect(held()).toBe(2);
    open();
    await peer.next(type.data, 3);
    peer.send(wire.ask(7));
    await peer.next(type.data, 7);
    peer.close();
  });

  it("does not blame a client for handlers that go on after it has given up", async () => {
    const { handler, open } = gate();
    const { peer } = answering(handler, { maxStreams: 2 });
    peer.send(wire.ask(1, end, [], "/held"), wire.reset(1, 7), wire.ask(3, end, [], "/held"), wire.reset(3, 7));
    for (let i = 0; i < 20; i++) peer.send(...Array.from({ length: 100 }, (_, j) => wire.ask(200 * i + 2 * j + 5)));
    await peer.quiet();
    expect(peer.of(type.reset)).toHaveLength(2_000);
    expect(peer.ending).toBeUndefined();
    open();
    peer.close();
  });

  it("counts handlers whose client has gone until they have done", async () => {
    const { handler, open, held } = gate();
    const { peer } = answering(handler, { maxStreams: 1 });
    peer.send(wire.ask(1, end, [], "/held"), wire.reset(1, muxCode.cancelled), wire.ask(3));
    expect((await peer.next(type.reset, 3)).payload.readUInt32BE()).toBe(muxCode.refused);
    expect(held()).toBe(1);
    open();
    await turn();
    await turn();
    peer.send(wire.ask(5));
    await peer.next(type.data, 5);
    peer.close();
  });
});

describe("a client that never reads", () => {
  it("is given up before much has been kept for it", async () => {
    const [near, far] = pipePair();
    let pending = 0;
    let most = 0;
    /** Nothing is ever written. */
    const stuck: Pipe = {
      start: (listener) => near.start(listener),
      send: (message) => {
        pending += message.byteLength;
        most = Math.max(most, pending);
      },
      close: (code, reason) => near.close(code, reason),
      destroy: (reason) => near.destroy(reason),
    };
    let error: Error | undefined;
    let over = false;
    far.start({
      message: () => {},
      closed: (why) => {
        over = true;
        error = why;
      },
    });
    const answers = answerOver(stuck, () => ({ headers: { a: "x".repeat(15_000) } }));
    far.send(wire.settings({ 2: 2 ** 31 - 1 }), () => {});
    for (let i = 0; !over && i < 2_000; i++) {
      far.send(wire.ask(2 * i + 1), () => {});
      await turn();
    }
    await answers.closed;
    expect(String(error)).toContain("stopped reading");
    expect(most).toBeLessThan(9 * 2 ** 20);
    expect(most).toBeGreaterThan(7 * 2 ** 20);
  });

  it("gets no more than a quarter of a mebibyte of bodies", async () => {
    const [near, far] = pipePair();
    let pending = 0;
    const stuck: Pipe = { ...bound(near), send: (message) => void (pending += message.byteLength) };
    far.start({ message: () => {}, closed: () => {} });
    const answers = answerOver(stuck, () => ({ body: Buffer.alloc(10_000_000) }));
    far.send(wire.settings({ 1: 2 ** 31 - 1, 2: 2 ** 31 - 1 }), () => {});
    for (let i = 0; i < 50; i++) far.send(wire.ask(2 * i + 1), () => {});
    for (let i = 0; i < 100; i++) await turn();
    expect(pending).toBeGreaterThan(2 ** 18 - 2 ** 16);
    expect(pending).toBeLessThan(2 ** 18 + 2 ** 16);
    answers.destroy();
    await answers.closed;
  });
});

function bound(pipe: Pipe): Pipe {
  return {
    start: pipe.start.bind(pipe),
    send: pipe.send.bind(pipe),
    close: pipe.close.bind(pipe),
    destroy: pipe.destroy.bind(pipe),
  };
}

describe("destroy", () => {
  it("may be called by a request's own signal, while others are ended", async () => {
    const seen: string[] = [];
    const { peer, end: answers } = answering(({ signal, url: { pathname } }) => {
      signal.addEventListener("abort", () => {
        seen.push(pathname);
        answers.destroy();
      });
      return new Promise(() => {});
    });
    peer.send(wire.ask(1, end, [], "/1"), wire.ask(3, end, [], "/3"), wire.ask(5, end, [], "/5"));
    peer.send(wire.reset(3, muxCode.cancelled), wire.data(1, "not read any more"));
    await answers.closed;
    expect(seen.toSorted((a, b) => a.localeCompare(b))).toEqual(["/1", "/3", "/5"]);
    expect(answers.openStreams).toBe(0);
  });

  it("ends it now: the client cannot know what became of its requests", async () => {
    const { handler, open } = gate();
    const [near, far] = pipePair();
    const answers = answerOver(far, handler);
    const transport = exchangeOver(() => near);
    const lost = failure(transport.request({ url: `${url}held`, method: "POST", body: "x" }));
    await until("it is held", () => answers.openStreams === 1);
    answers.destroy(new Error("now"));
    expect(await lost).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
    await answers.closed;
    await transport.close();
    open();
  });
});
