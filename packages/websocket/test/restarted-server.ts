/**
 * A server to be killed: `node restarted-server.ts PORT LEDGER`. Exchanges of the sub-protocol append their id to the
 * ledger, which outlives it, before they are answered; other sockets are a feed of 1, 2, 3, ... behind `?after=`.
 */
import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { answerOver, muxSubprotocol, socketPipe } from "@holdfast/exchange";
import { type WebSocket, WebSocketServer } from "ws";

const [port = "0", ledger = ""] = process.argv.slice(2);

function feed(socket: WebSocket, { url = "/" }: IncomingMessage): void {
  let id = Number(new URL(url, "ws://a").searchParams.get("after") ?? 0);
  const timer = setInterval(() => socket.send(String(++id)), 1);
  socket.on("close", () => clearInterval(timer));
}

const server = createServer();
const sockets = new WebSocketServer({
  server,
  perMessageDeflate: false,
  handleProtocols: (offered) => (offered.has(muxSubprotocol) ? muxSubprotocol : false),
});
sockets.on("connection", (socket, request) => {
  if (socket.protocol !== muxSubprotocol) return feed(socket, request);
  answerOver(socketPipe(socket, request.socket), async ({ url, body }) => {
    const id = url.searchParams.get("id") ?? "";
    await body.bytes();
    appendFileSync(ledger, `${id}\n`);
    return { body: id };
  });
});
server.listen(Number(port), "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
