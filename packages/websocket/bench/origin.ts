/**
 * An origin that costs next to nothing, over HTTP/1.1 and WebSocket on one port: 200 bytes with the same few fields, whatever
 * was asked. The sub-protocol says how it is asked.
 */
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { answerOver, muxSubprotocol, socketPipe } from "@holdfast/exchange";
import { RSocketServer } from "rsocket-core";
import { WebsocketServerTransport } from "rsocket-websocket-server";
import { Server as SocketIoServer } from "socket.io";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";

const body = Buffer.from("x".repeat(200));
const headers = { "content-type": "text/plain", "content-length": String(body.byteLength), server: "bench" };

const http2 = createHttp2Server((_, response) => {
  response.writeHead(200, headers).end(body);
});

/** Takes sockets as they are handed to it. */
const rsocketSockets = new WebSocketServer({ noServer: true });
const rsocket = new RSocketServer({
  transport: new WebsocketServerTransport({
    wsCreator: () => {
      process.nextTick(() => rsocketSockets.emit("listening"));
      return rsocketSockets as never;
    },
  }),
  acceptor: {
    accept: async () => ({
      requestResponse: (_, responder) => {
        setImmediate(() => responder.onNext({ data: body }, true));
        return { cancel: () => {}, onExtension: () => {} };
      },
    }),
  },
});

/** By sub-protocol. */
const answers: Readonly<Record<string, (socket: WebSocket, wire: Socket) => void>> = {
  [muxSubprotocol]: (socket, wire) => void answerOver(socketPipe(socket, wire), () => ({ headers, body })),
  /** A number of 4 bytes for each call; answered by number and body, all of one message in one. */
  numbers: (socket) =>
    socket.on("message", (data: Buffer) => {
      const answer = Buffer.allocUnsafe((data.byteLength / 4) * (4 + body.byteLength));
      for (let at = 0, to = 0; at < data.byteLength; at += 4, to += 4 + body.byteLength) {
        data.copy(answer, to, at, at + 4);
        body.copy(answer, to + 4);
      }
      socket.send(answer);
    }),
  json: (socket) =>
    socket.on("message", (data: Buffer) => {
      const { id } = JSON.parse(String(data)) as { readonly id: number };
      socket.send(JSON.stringify({ id, status: 200, headers, body: String(body) }));
    }),
  "json-turns": (socket) =>
    socket.on("message", (data: Buffer) => {
      const asked = JSON.parse(String(data)) as { readonly id: number }[];
      socket.send(JSON.stringify(asked.map(({ id }) => ({ id, status: 200, headers, body: String(body) }))));
    }),
  h2: (socket) => http2.emit("connection", createWebSocketStream(socket)),
  rsocket: (socket, wire) => rsocketSockets.emit("connection", socket, wire),
};

const server = createServer((_, response) => {
  response.writeHead(200, headers).end(body);
});
const upgrades = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  handleProtocols: ([first = ""]) => (first in answers ? first : false),
});
server.on("upgrade", (request, socket, head) => {
  if (request.url?.startsWith("/socket.io/") === true) return;
  upgrades.handleUpgrade(request, socket, head, (accepted) => answers[accepted.protocol]?.(accepted, request.socket));
});
const socketIo = new SocketIoServer(server, { perMessageDeflate: false, serveClient: false, destroyUpgrade: false });
socketIo.on("connection", (socket) =>
  socket.on("get", (_: string, answer: (head: object, bytes: Buffer) => void) => answer(headers, body)),
);
await rsocket.bind();
server.listen(0, "127.0.0.1", () =>
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }),
);
process.on("disconnect", () => process.exit());
