import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { BenchClients } from "@holdfast/bench";
import { http1 } from "@holdfast/http1";
import { websocket } from "@holdfast/websocket";
import { type Payload, RSocketConnector } from "rsocket-core";
import { WebsocketClientTransport } from "rsocket-websocket-client";
import { io } from "socket.io-client";
import { createWebSocketStream, WebSocket } from "ws";

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
  "ws, JSON calls, one message a turn": async ({ url }) => {
    const socket = await opened(url, "json-turns");
    const waiting = new Map<number, (bytes: number) => void>();
    let asked: object[] = [];
    let last = 0;
    const flush = (): void => {
      socket.send(JSON.stringify(asked));
      asked = [];
    };
    socket.on("message", (data: Buffer) => {
      for (const { id, body } of JSON.parse(String(data)) as { readonly id: number; readonly body: string }[]) {
        waiting.get(id)?.(body.length);
        waiting.delete(id);
      }
    });
    const get = (): Promise<number> =>
      new Promise((resolve) => {
        waiting.set(++last, resolve);
        if (asked.push({ id: last, method: "GET", path: "/" }) === 1) process.nextTick(flush);
      });
    return { get, close: () => socket.close() };
  },
  "node:http2 over ws": async ({ url }) => {
    const socket = new WebSocket(url.replace("http", "ws"), "h2", { perMessageDeflate: false });
    // Before it is open: the server's SETTINGS come with the upgrade.
    const duplex = createWebSocketStream(socket);
    const session = connectHttp2(url, { createConnection: () => duplex });
    await once(session, "connect");
    const get = (): Promise<number> =>
      new Promise((resolve, reject) => {
        let bytes = 0;
        const stream = session.request({ ":path": "/" });
        stream.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
        stream.on("end", () => resolve(bytes));
        stream.on("error", reject);
      });
    const close = (): void => {
      session.destroy();
      socket.terminate();
    };
    return { get, close };
  },
  "socket.io, with acknowledgements": async ({ url }) => {
    const socket = io(url, { transports: ["websocket"], perMessageDeflate: false } as object);
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    const get = (): Promise<number> =>
      new Promise((resolve) => {
        socket.emit("get", "/", (_: object, body: Buffer) => resolve(body.byteLength));
      });
    return { get, close: () => void socket.close() };
  },
  "rsocket, request-response": async ({ url }) => {
    const wsCreator = (to: string): never => new WebSocket(to, "rsocket", { perMessageDeflate: false }) as never;
    const transport = new WebsocketClientTransport({ url: url.replace("http", "ws"), wsCreator });
    const socket = await new RSocketConnector({ transport }).connect();
    const ignore = (): void => {};
    const get = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const onNext = ({ data }: Payload): void => resolve(data?.byteLength ?? 0);
        const receiver = { onNext, onError: reject, onComplete: ignore, onExtension: ignore };
        socket.requestResponse({ data: Buffer.from("/") }, receiver);
      });
    return { get, close: () => socket.close() };
  },
};
