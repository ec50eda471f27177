import { once } from "node:events";
import { failure, getText } from "@holdfast/conformance/hostile";
import type { Transport } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { websocket, type WebSocketOptions } from "../src/index.ts";
import { jsonRpc } from "../src/json-rpc.ts";
import { Gate, muxServer } from "./mux-server.ts";
import { socketServer } from "./socket-server.ts";

/** No failure is forgiven: a dial behind one would wait for days. */
const hard: WebSocketOptions = { reconnect: { minMs: 1e12, maxMs: 1e12 } };
/** The first is: only a dial behind two in a row would wait for days. */
const onceForgiven: WebSocketOptions = { reconnect: { minMs: 1, factor: 1e12, maxMs: 1e12 } };
const rounds = 4;

/** Resolves when the client has seen its only socket end. */
async function ended(transport: Transport): Promise<void> {
  const { connections } = transport.stats();
  if (connections.idle + connections.active + connections.draining === 0) return;
  await new Promise((resolve) => setImmediate(resolve));
  return ended(transport);
}

describe("a server of holdfast.mux.v1", () => {
  it.each([1_000, 1_001, 1_012])(
    "that says %i on each socket once it has answered all is dialled at once",
    async (code) => {
      await using server = await muxServer(() => ({ body: "ok" }));
      await using transport = websocket(hard);
      for (let i = 0; i < rounds; i++) {
        expect(await getText(transport, server.url)).toBe("ok");
        server.accepted[i]?.close(code);
        await ended(transport);
      }
      expect(server.accepted).toHaveLength(rounds);
    },
  );

  it("that is lost under an exchange again and again, each time after an answer, is dialled as after one failure", async () => {
    let gate = new Gate();
    await using server = await muxServer(async ({ url }) => {
      if (url.pathname === "/held") await gate.pass();
      return { body: "ok" };
    });
    await using transport = websocket(onceForgiven);
    for (let i = 0; i < rounds; i++) {
      expect(await getText(transport, server.url)).toBe("ok");
      const held = failure(transport.request({ url: `${server.url}/held`, method: "POST" }));
      await gate.holds(1);
      server.accepted[i]?.terminate();
      expect(await held).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
      gate.open();
      gate = new Gate();
    }
    expect(server.accepted).toHaveLength(rounds);
  });

  it("that takes sockets and hangs up is not dialled for ever", async () => {
    await using server = await muxServer(() => ({ body: "ok" }));
    await using transport = websocket({ ...onceForgiven, timeouts: { connectMs: 100 } });
    for (let i = 0; i < 2; i++) {
      await transport.warm(server.url);
      server.accepted[i]?.close(1_001);
      await ended(transport);
    }
    expect(await failure(transport.warm(server.url))).toMatchObject({ code: "CONNECT_TIMEOUT", delivery: "not-sent" });
    expect(server.accepted).toHaveLength(2);
  });
});

describe("a service of JSON-RPC", () => {
  /** Answers the first call on each socket, if any, then does `then`. */
  function answering(then: (socket: WebSocket) => void): (socket: WebSocket) => void {
    return (socket) =>
      socket.once("message", (data) => {
        const { id } = JSON.parse((data as Buffer).toString()) as { readonly id: number };
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: "ok" }));
        then(socket);
      });
  }

  it("that goes away when it has nothing to do is dialled at once", async () => {
    await using server = await socketServer(answering((socket) => socket.close(1_001)));
    await using transport = websocket({ ...hard, codec: jsonRpc() });
    for (let i = 0; i < rounds; i++) {
      const { body } = await transport.request({ url: `${server.url}/m`, method: "POST" });
      expect(await body.text()).toBe('"ok"');
      await ended(transport);
    }
    expect(transport.stats().totals.connectionsOpened).toBe(rounds);
  });

  it("that restarts under calls, each time after an answer, is dialled as after one failure", async () => {
    await using server = await socketServer(
      answering((socket) => void once(socket, "message").then(() => socket.close(1_012))),
    );
    await using transport = websocket({ ...onceForgiven, codec: jsonRpc() });
    for (let i = 0; i < rounds; i++) {
      const { body } = await transport.request({ url: `${server.url}/m`, method: "POST" });
      expect(await body.text()).toBe('"ok"');
      const lost = await failure(transport.request({ url: `${server.url}/m`, method: "POST" }));
      expect(lost).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
      await ended(transport);
    }
    expect(transport.stats().totals.connectionsOpened).toBe(rounds);
  });
});
