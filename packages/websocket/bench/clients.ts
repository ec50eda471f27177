import { once } from "node:events";
import type { BenchClients } from "@holdfast/bench";
import { http1 } from "@holdfast/http1";
import { websocket } from "@holdfast/websocket";
import { WebSocket } from "ws";

async function opened(url: string, subprotocol: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace("http", "ws"), subprotocol, { perMessageDeflate: false });
  await once(socket, "open");
  return socket;
}

export const clients: BenchClients = {
  "holdfast http1": ({ url }, concurrency) => {
    const transport = http1({ maxConnections: concurrency });
    const get = async (): Promise<number> => (await (await transport.request({ url })).body.bytes()).byteLength;
    return { get, close: () => transport.close() };
  },
  "holdfast websocket": ({ url }) => {
    const transport = websocket();
    const get = async (): Promise<number> => (await (await transport.request({ url })).body.bytes()).byteLength;
    return { get, close: () => transport.close() };
  },
  "ws, calls by number, one message a turn": async ({ url }) => {
    const socket = await opened(url, "numbers");
    const waiting = new Map<number, (bytes: number) => void>();
    let asked: number[] = [];
    let last = 0;
    const flush = (): void => {
      const message = Buffer.allocUnsafe(asked.length * 4);
      for (const [i, id] of asked.entries()) message.writeUInt32BE(id, i * 4);
      asked = [];
      socket.send(message);
    };
    socket.on("message", (data: Buffer) => {
      for (let at = 0; at < data.byteLength; at += 204) {
        const id = data.readUInt32BE(at);
        waiting.get(id)?.(200);
        waiting.delete(id);
      }
    });
    const get = (): Promise<number> =>
      new Promise((resolve) => {
        waiting.set(++last, resolve);
        if (asked.push(last) === 1) process.nextTick(flush);
      });
    return { get, close: () => socket.close() };
  },
  "ws, JSON calls, one message each": async ({ url }) => {
    const socket = await opened(url, "json");
    const waiting = new Map<number, (bytes: number) => void>();
    let last = 0;
    socket.on("message", (data: Buffer) => {
      const { id, body } = JSON.parse(String(data)) as { readonly id: number; readonly body: string };
      waiting.get(id)?.(body.length);
      waiting.delete(id);
    });
    const get = (): Promise<number> =>
      new Promise((resolve) => {
        waiting.set(++last, resolve);
        socket.send(JSON.stringify({ id: last, method: "GET", path: "/" }));
      });
    return { get, close: () => socket.close() };
  },
};
