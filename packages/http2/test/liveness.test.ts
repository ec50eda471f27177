import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { ack, failure, frameAnswers as answering, frames, frameServer, getText } from "@holdfast/conformance/hostile";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { http2 } from "../src/index.ts";
import { Liveness } from "../src/liveness.ts";

const quick = { intervalMs: 60, timeoutMs: 60 };

/** Stops itself when asked; does not answer `/get` on its first session. */
const stoppable = `
  const server = require("node:http2").createServer();
  let sessions = 0;
  server.on("session", (session) => {
    const number = ++sessions;
    session.on("stream", (stream, headers) => {
      stream.on("error", () => {});
      if (headers[":path"] === "/stop") process.kill(process.pid, "SIGSTOP");
      else if (headers[":path"] === "/warm" || number > 1) {
        stream.respond();
        stream.end("session " + number);
      }
    });
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

describe("a peer that goes silent", () => {
  it("costs a POST its life, an idempotent exchange one replay, and new work nothing", async () => {
    const silent = Promise.withResolvers<void>();
    await using server = await frameServer(async (peer) => {
      if (peer.index > 0) return answering()(peer);
      await peer.respond((await peer.request()).stream);
      await peer.request();
      await peer.request();
      peer.mute();
      silent.resolve();
    });
    await using transport = http2({ ping: quick });
    await getText(transport, `${server.url}/warm`);
    const post = failure(transport.request({ url: `${server.url}/post`, method: "POST" }));
    const get = transport.request({ url: `${server.url}/get` });
    await silent.promise;
    const error = await post;
    expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", replaySafe: false });
    expect(String(error.cause)).toContain("ping.timeoutMs");
    expect(await (await get).body.text()).toBe("ok");
    expect(await getText(transport, `${server.url}/new`)).toBe("ok");
    expect(server.requests.map(({ path, connection }) => `${path} ${connection}`)).toEqual([
      "/warm 0",
      "/post 0",
      "/get 0",
      "/get 1",
      "/new 1",
    ]);
    expect(server.peers[0]!.all(frames.ping).filter(({ flags }) => !(flags & ack))).toHaveLength(1);
    await server.peers[0]!.closed;
  });

  it("cuts the body that it was sending", async () => {
    await using server = await frameServer(
      answering(async ({ stream }, peer) => {
        await peer.headers(stream, [[":status", "200"]]);
        await peer.data(stream, "part");
        peer.mute();
      }),
    );
    await using transport = http2({ ping: quick });
    const { body } = await transport.request({ url: server.url });
    expect(await failure(body.text())).toMatchObject({ code: "TRUNCATED", delivery: "answered" });
  });

  it("is found out when its process is stopped, and served again when that goes on", async () => {
    const ping = { intervalMs: 200, timeoutMs: 100 };
    const origin = spawn(process.execPath, ["-e", stoppable], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [port] = (await once(origin.stdout, "data")) as [Buffer];
      const url = `http://127.0.0.1:${String(port).trim()}`;
      await using transport = http2({ ping });
      expect(await getText(transport, `${url}/warm`)).toBe("session 1");
      const get = transport.request({ url: `${url}/get` });
      const post = failure(transport.request({ url: `${url}/stop`, method: "POST", body: "x" }));
      const asked = performance.now();
      const error = await post;
      const foundMs = performance.now() - asked;
      console.log(`a stopped peer was found after ${foundMs.toFixed(0)} ms; intervalMs + timeoutMs is 300`);
      expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", replaySafe: false });
      expect(String(error.cause)).toContain("ping.timeoutMs");
      expect(transport.stats().connections).toMatchObject({ active: 0, idle: 0 });
      // The first is sent again, the second waits for the same dial.
      const next = transport.request({ url: `${url}/get` });
      origin.kill("SIGCONT");
      expect(await (await get).body.text()).toBe("session 2");
      expect(await (await next).body.text()).toBe("session 2");
      expect(transport.stats().totals).toMatchObject({
        connectionsOpened: 2,
        exchangesReplayed: 1,
        exchangesFailed: 1,
      });
    } finally {
      origin.kill("SIGKILL");
    }
    await once(origin, "exit");
  });
});

describe("a peer whose last exchange was given up, with no answer to anything", () => {
  it.each([
    ["a limit", { timeouts: { headMs: 40 } }, "HEAD_TIMEOUT"],
    ["its deadline", { deadlineMs: 40 }, "DEADLINE_EXCEEDED"],
  ])("by %s is found out all the same, and the next exchange is answered on another session", async (_, init, code) => {
    await using server = await frameServer(async (peer) => {
      if (peer.index > 0) return answering()(peer);
      await peer.respond((await peer.request()).stream);
      peer.mute();
    });
    await using transport = http2({ ping: quick });
    await getText(transport, server.url);
    const over = await failure(transport.request({ url: server.url, method: "POST", ...init }));
    expect(over).toMatchObject({ code, delivery: "maybe-sent" });
    await server.peers[0]!.closed;
    expect(await getText(transport, server.url)).toBe("ok");
    expect(server.peers).toHaveLength(2);
    expect(server.peers[0]!.all(frames.ping).filter(({ flags }) => !(flags & ack))).toHaveLength(1);
  });
});

describe("a PING", () => {
  it("that is answered keeps the session, however long the peer takes for the exchange", async () => {
    await using server = await frameServer(
      answering(async ({ stream }, peer) => {
        await peer.until(() => (peer.all(frames.ping).length >= 3 ? true : undefined));
        await peer.respond(stream);
      }),
    );
    await using transport = http2({ ping: { intervalMs: 20, timeoutMs: 600_000 } });
    expect(await getText(transport, server.url)).toBe("ok");
    expect(server.peers).toHaveLength(1);
  });

  it("is not sent while no exchange is open", async () => {
    await using server = await frameServer(answering());
    await using transport = http2({ ping: { intervalMs: 1, timeoutMs: 10_000 } });
    await getText(transport, server.url);
    const peer = server.peers[0]!;
    const asked = (): number => peer.all(frames.ping).filter(({ flags }) => !(flags & ack)).length;
    await peer.ping();
    const before = asked();
    for (let i = 0; i < 50; i++) await peer.ping();
    expect(asked()).toBe(before);
    expect(await getText(transport, server.url)).toBe("ok");
    expect(server.peers).toHaveLength(1);
  });
});

describe("silence", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  function fixture() {
    const session = {
      destroyed: false,
      ping: vi.fn<(done: (error: Error | null) => void) => void>(),
      destroy: vi.fn<(error: Error) => void>(),
    };
    const socket = { bytesRead: 0 };
    const liveness = new Liveness(session as unknown as ClientHttp2Session, socket as unknown as Socket, {
      intervalMs: 100,
      timeoutMs: 50,
    });
    /** Millisecond by millisecond, because a judgement comes one turn after its timer. */
    const pass = async (ms: number): Promise<void> => {
      for (let i = 0; i < ms; i++) {
        vi.advanceTimersByTime(1);
        await turn();
      }
    };
    return { session, socket, liveness, pass };
  }

  it("of intervalMs is followed by one PING, and timeoutMs later by the end of the session", async () => {
    const { session, liveness, pass } = fixture();
    liveness.streamOpened();
    await pass(99);
    expect(session.ping).not.toHaveBeenCalled();
    await pass(1);
    expect(session.ping).toHaveBeenCalledOnce();
    await pass(49);
    expect(session.destroy).not.toHaveBeenCalled();
    await pass(1);
    expect(session.destroy).toHaveBeenCalledOnce();
    expect(session.ping).toHaveBeenCalledOnce();
  });

  it("is broken by bytes of any kind, so none is asked while they come", async () => {
    const { session, socket, liveness, pass } = fixture();
    liveness.streamOpened();
    for (let i = 0; i < 20; i++) {
      socket.bytesRead++;
      await pass(70);
    }
    expect(session.ping).not.toHaveBeenCalled();
    await pass(30);
    expect(session.ping).toHaveBeenCalledOnce();
    socket.bytesRead++;
    await pass(50);
    expect(session.destroy).not.toHaveBeenCalled();
  });

  it.each([1, 10, 24, 25, 26, 49, 73, 99])(
    "proves a peer gone within intervalMs + timeoutMs of its last byte, which came after %i ms",
    async (afterMs) => {
      const { session, socket, liveness, pass } = fixture();
      liveness.streamOpened();
      await pass(afterMs);
      socket.bytesRead++;
      let silentMs = 0;
      for (; session.destroy.mock.calls.length === 0; silentMs++) await pass(1);
      expect(silentMs).toBeLessThanOrEqual(150);
      expect(silentMs).toBeGreaterThanOrEqual(125);
      expect(session.ping).toHaveBeenCalledOnce();
    },
  );

  it("begins anew with the answer to a PING", async () => {
    const { session, socket, liveness, pass } = fixture();
    liveness.streamOpened();
    await pass(100);
    socket.bytesRead += 17;
    session.ping.mock.calls[0]![0](null);
    await pass(100);
    expect(session.ping).toHaveBeenCalledTimes(2);
    expect(session.destroy).not.toHaveBeenCalled();
    await pass(50);
    expect(session.destroy).toHaveBeenCalledOnce();
  });

  it("means nothing while no stream is open, or when the session is closed", async () => {
    const { session, liveness, pass } = fixture();
    liveness.streamOpened();
    liveness.streamClosed(false);
    await pass(1_000);
    liveness.streamOpened();
    liveness.stop();
    await pass(1_000);
    expect(session.ping).not.toHaveBeenCalled();
  });

  it.each([1, 24, 60, 99, 101, 149])(
    "goes on when each stream is given up after %i ms, and no other is open for a while",
    async (givenUpMs) => {
      const { session, liveness, pass } = fixture();
      let silentMs = 0;
      for (let at = 0; session.destroy.mock.calls.length === 0 && silentMs < 1_000; at = (at + 1) % 170, silentMs++) {
        if (at === 0) liveness.streamOpened();
        if (at === givenUpMs) liveness.streamClosed(true);
        await pass(1);
      }
      expect(silentMs).toBeLessThanOrEqual(151);
      expect(session.ping).toHaveBeenCalledOnce();
    },
  );

  it("ends with the first byte after the last stream was given up: then nothing runs any more", async () => {
    const { session, socket, liveness, pass } = fixture();
    liveness.streamOpened();
    await pass(60);
    liveness.streamClosed(true);
    await pass(40);
    expect(session.ping).toHaveBeenCalledOnce();
    socket.bytesRead += 17;
    session.ping.mock.calls[0]![0](null);
    await pass(25);
    expect(vi.getTimerCount()).toBe(0);
    await pass(1_000);
    expect(session.ping).toHaveBeenCalledOnce();
    expect(session.destroy).not.toHaveBeenCalled();
  });
});
