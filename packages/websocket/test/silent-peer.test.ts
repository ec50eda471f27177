import { spawn } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { failure } from "@holdfast/conformance/hostile";
import { describe, expect, it, onTestFinished } from "vitest";
import { websocket } from "../src/index.ts";
import { allOf, opcode, rawSocketServer } from "./raw-socket.ts";
import { socketServer } from "./socket-server.ts";

const quick = { intervalMs: 60, timeoutMs: 60 };

/** Echoes, answers exchanges, and stops itself when a message or a request says so. */
const stoppable = `
  import { createServer } from "node:http";
  import { answerOver, muxSubprotocol, socketPipe } from ${JSON.stringify(import.meta.resolve("@holdfast/exchange"))};
  import { WebSocketServer } from ${JSON.stringify(import.meta.resolve("ws"))};
  const stop = () => process.kill(process.pid, "SIGSTOP");
  const server = createServer();
  new WebSocketServer({ server, perMessageDeflate: false, handleProtocols: () => muxSubprotocol }).on("connection", (socket, request) => {
    if (socket.protocol === muxSubprotocol) {
      answerOver(socketPipe(socket, request.socket), ({ url }) => {
        if (url.pathname === "/stop") stop();
        return { body: "ok" };
      });
    } else socket.on("message", stop);
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

async function stoppableServer(): Promise<string> {
  return (await stoppableProcess()).url;
}

async function stoppableProcess(): Promise<{ readonly url: string; readonly stop: () => void }> {
  const args = ["--conditions=holdfast:source", "--input-type=module", "--eval", stoppable];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  return { url: `http://127.0.0.1:${String(port).trim()}`, stop: () => void child.kill("SIGSTOP") };
}

describe("a peer that goes silent", () => {
  it("is found out when its process is stopped: a channel is CONNECTION_LOST", async () => {
    const url = await stoppableServer();
    await using transport = websocket({ ping: { intervalMs: 200, timeoutMs: 200 } });
    const channel = await transport.open({ url });
    const read = failure(allOf(channel));
    await channel.send("stop");
    expect(await read).toMatchObject({ code: "CONNECTION_LOST", phase: "channel" });
    expect(await channel.closed).toMatchObject({ code: 1_006, clean: false });
  }, 30_000);

  it("is found out when its process is stopped: an exchange is CONNECTION_LOST, maybe-sent", async () => {
    const url = await stoppableServer();
    await using transport = websocket({ ping: { intervalMs: 200, timeoutMs: 200 } });
    const { body } = await transport.request({ url, method: "POST" });
    expect(await body.text()).toBe("ok");
    const error = await failure(transport.request({ url: `${url}/stop`, method: "POST" }));
    expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
    expect(String(error.cause)).toContain("ping.timeoutMs");
    await transport.destroy();
  }, 30_000);

  it.each([
    ["idleTimeoutMs", { idleTimeoutMs: 200 }],
    ["close()", {}],
  ])(
    "and answers no goodbye is not waited for: an idle socket that is closed by %s is gone",
    async (by, options) => {
      const { url, stop } = await stoppableProcess();
      await using transport = websocket({ ...options, ping: { intervalMs: Infinity } });
      const { promise: gone, resolve } = Promise.withResolvers<void>();
      const onClose = (): void => resolve();
      subscribe("holdfast:connection:close", onClose);
      onTestFinished(() => void unsubscribe("holdfast:connection:close", onClose));
      const { body } = await transport.request({ url, method: "POST" });
      expect(await body.text()).toBe("ok");
      stop();
      if (by === "close()") await transport.close({ deadlineMs: Infinity });
      else await gone;
      expect(transport.stats().connections).toEqual({ connecting: 0, active: 0, idle: 0, draining: 0 });
    },
    30_000,
  );

  it("is asked once, by a ping, before its channel is given up", async () => {
    const kinds: number[] = [];
    await using server = await rawSocketServer(async (socket) => {
      for (;;) kinds.push((await socket.frame()).opcode);
    });
    await using transport = websocket({ ping: quick });
    const channel = await transport.open({ url: server.url });
    expect(await failure(allOf(channel))).toMatchObject({ code: "CONNECTION_LOST" });
    await server.idle();
    expect(kinds).toEqual([opcode.ping]);
  });

  it("is not one that answers pings, or that sends anything at all", async () => {
    const pings: number[] = [];
    await using server = await rawSocketServer(async (socket) => {
      while (pings.length < 5) {
        const { opcode: kind, payload } = await socket.frame();
        expect(kind).toBe(opcode.ping);
        pings.push(kind);
        if (pings.length % 2 === 0) await socket.send({ opcode: opcode.pong, payload });
        else await socket.send({ opcode: opcode.text, payload: "x" });
      }
      await socket.close(1_000);
    });
    await using transport = websocket({ ping: quick });
    const channel = await transport.open({ url: server.url });
    expect(await allOf(channel)).toEqual(["x", "x", "x"]);
    expect(await channel.closed).toMatchObject({ code: 1_000, clean: true });
  });

  it("is not one whose channel nobody reads: what it has sent waits, and so does it", async () => {
    await using server = await socketServer((socket) => {
      for (let i = 0; i < 40; i++) socket.send(new Uint8Array(2 ** 20));
      socket.close(1_000);
    });
    await using transport = websocket({ ping: quick });
    const channel = await transport.open({ url: server.url });
    // Many times as long as a silent peer gets.
    const other = await rawSocketServer(() => {});
    await using _ = other;
    for (let i = 0; i < 4; i++) {
      const silent = await transport.open({ url: other.url });
      await failure(allOf(silent));
    }
    expect(await allOf(channel)).toHaveLength(40);
    expect(await channel.closed).toMatchObject({ code: 1_000, clean: true });
  });
});

const client = `
  import { websocket } from ${JSON.stringify(new URL("../src/index.ts", import.meta.url).href)};
  const url = process.argv[1];
  for (let i = 0; i < 10; i++) {
    const transport = websocket();
    const channel = await transport.open({ url });
    await channel.send("hello");
    for await (const message of channel) break;
    if (i % 3 === 0) await channel.close();
    await (i % 2 === 0 ? transport.destroy() : transport.close());
    await transport.open({ url }).catch(() => {});
    const none = websocket({ timeouts: { connectMs: 20 } });
    await none.open({ url: url + "/", subprotocols: ["none"] }).catch(() => {});
    await none.request({ url }).catch(() => {});
  }
  console.log("all have ended");
`;

it("nothing of a transport that has ended keeps the process", async () => {
  await using server = await socketServer((socket) => socket.on("message", () => socket.send("hello")), {
    handleProtocols: () => false,
  });
  const args = ["--conditions=holdfast:source", "--input-type=module", "--eval", client, server.url];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  expect({ output, code }).toEqual({ output: "all have ended\n", code: 0 });
}, 60_000);
