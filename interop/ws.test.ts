import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { Server } from "./server.ts";
import { startJsonRpc } from "./ws-json-rpc.ts";

interface Ended {
  readonly code: number;
  readonly results: readonly unknown[];
}

/** What a server says to so many calls that come at once, until it ends the socket. */
async function call(server: Server, count: number): Promise<Ended> {
  const results: unknown[] = [];
  const socket = new WebSocket(server.origin.replace("http", "ws"));
  onTestFinished(() => socket.terminate());
  socket.on("message", (data: Buffer) => results.push((JSON.parse(data.toString()) as { result: unknown }).result));
  const closed = once(socket, "close");
  await once(socket, "open");
  for (let id = 0; id < count; id++) {
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, method: "echo", params: [`${id}`, `/${id}`] }));
  }
  const [code] = (await closed) as [number];
  return { code, results };
}

async function start(...settings: string[]): Promise<Server> {
  const server = await startJsonRpc({ protocol: "websocket", settings });
  onTestFinished(() => server.close());
  return server;
}

describe("the service of JSON-RPC on ws", () => {
  it("ends a socket that falls silent after its answer", async () => {
    const server = await start("idleTimeout: 1");
    expect(await call(server, 1)).toEqual({ code: 1001, results: ["/0"] });
  });

  it("ends a socket that has had its messages, and executes none beyond them", async () => {
    const server = await start("maxMessages: 3");
    expect(await call(server, 4)).toEqual({ code: 1012, results: ["/0", "/1", "/2"] });
    expect((await server.log()).map(({ id }) => id)).toEqual(["0", "1", "2"]);
  });

  it("ends a socket with a call too many at a time", async () => {
    const server = await start("maxCalls: 8");
    expect((await call(server, 9)).code).toBe(1013);
    expect(await server.log()).toHaveLength(8);
  });

  it("ends a socket with a message that is too long", async () => {
    const server = await start("maxPayload: 32");
    expect((await call(server, 1)).code).toBe(1009);
    expect(await server.log()).toEqual([]);
  });
});
