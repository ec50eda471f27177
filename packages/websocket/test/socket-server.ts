import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";

export interface SocketServer extends AsyncDisposable {
  readonly url: string;
  /** Those that are open. */
  readonly sockets: ReadonlySet<WebSocket>;
  /** Resolves when no socket is open. */
  idle(): Promise<void>;
}

/** A plain WebSocket server on ws. Disposing ends every connection. */
export async function socketServer(
  serve: (socket: WebSocket, request: IncomingMessage, wire: Socket) => void = () => {},
  options: ServerOptions = {},
): Promise<SocketServer> {
  const http = createServer((_, response) => void response.writeHead(426).end());
  const upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false, ...options });
  const sockets = new Set<WebSocket>();
  let emptied = Promise.withResolvers<void>();
  http.on("upgrade", (request, wire: Socket, head) =>
    upgrades.handleUpgrade(request, wire, head, (socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => {
        sockets.delete(socket);
        emptied.resolve();
        emptied = Promise.withResolvers();
      });
      serve(socket, request, wire);
    }),
  );
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    sockets,
    idle: async () => {
      while (sockets.size > 0) await emptied.promise;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.terminate();
      http.close();
      http.closeAllConnections();
      await once(http, "close");
    },
  };
}

/** Sends every message back as it came. */
export function echo(socket: WebSocket): void {
  socket.on("message", (data, isBinary) => socket.send(data as Buffer, { binary: isBinary }));
}
