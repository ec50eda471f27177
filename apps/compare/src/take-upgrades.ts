import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { muxSubprotocol, type Pipe, socketPipe, type WireSocket } from "@holdfast/exchange";
import { WebSocketServer } from "ws";

/** Whatever takes connections of HTTP/1.1, node's secure server of HTTP/2 among them. */
export interface UpgradingServer {
  on(event: "upgrade", listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
}

/**
 * Takes upgrades to WebSocket for exchanges (`holdfast.mux.v1`), and refuses all others. As bare as node's servers beside it:
 * no handler in the style of fetch, whose cost the other protocols do not have either.
 *
 * @param wireOf the socket beneath, if it is not the one of the upgrade itself.
 */
export function takeUpgrades(
  server: UpgradingServer,
  serve: (pipe: Pipe) => unknown,
  wireOf: (socket: Duplex) => WireSocket = (socket) => socket as Duplex & WireSocket,
): void {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    handleProtocols: () => muxSubprotocol,
  });
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => undefined);
    if (!offers(request)) {
      socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (accepted) => serve(socketPipe(accepted, wireOf(socket))));
  });
}

function offers({ headers }: IncomingMessage): boolean {
  return (headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/).includes(muxSubprotocol);
}
