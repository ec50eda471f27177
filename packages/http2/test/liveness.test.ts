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

  it("is found out when its process is stopped", async () => {
    const origin = spawn(process.execPath, [
      "-e",
      `const server = require("node:http2").createServer((request, response) => {
         if (request.url === "/warm") response.end("ok");
         else process.kill(process.pid, "SIGSTOP");
       });
       server.listen(0, "127.0.0.1", () => console.log(server.address().port));`,
    ]);
    try {
      const [port] = (await once(origin.stdout, "data")) as [Buffer];
      const url = `http://127.0.0.1:${String(port).trim()}`;
      await using transport = http2({ ping: quick });
      expect(await getText(transport, `${url}/warm`)).toBe("ok");
      const error = await failure(transport.request({ url: `${url}/stop`, method: "POST", body: "x" }));
      expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
      expect(transport.stats().connections).toMatchObject({ active: 0, idle: 0 });
    } finally {
      origin.kill("SIGKILL");
    }
    await once(origin, "exit");
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
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
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
    const pass = async (ms: number): Promise<void> => {
      vi.advanceTimersByTime(ms);
      // The judgement comes one turn after its timer.
      await turn();
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
    for (let i = 0; i < 10; i++) {
      socket.bytesRead++;
      await pass(100);
    }
    expect(session.ping).not.toHaveBeenCalled();
    await pass(100);
    expect(session.ping).toHaveBeenCalledOnce();
    socket.bytesRead++;
    await pass(50);
    expect(session.destroy).not.toHaveBeenCalled();
  });

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
    liveness.streamClosed();
    await pass(1_000);
    liveness.streamOpened();
    liveness.stop();
    await pass(1_000);
    expect(session.ping).not.toHaveBeenCalled();
  });
});
