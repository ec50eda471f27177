import { createServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { numbersOf, startInProcess } from "./in-process.ts";
import type { LogEntry, Server, ServerOptions } from "./server.ts";

/** Serves one socket from its upgrade on: writes down what it executes. */
export type Accept = (socket: WebSocket, wire: Socket, log: (id: string) => void) => void;

/** The server of `ws` on one of node's. Of the settings it heeds `maxPayload`, the rest is for `accept`. */
export function startWs(options: ServerOptions, accept: Accept, subprotocol: string | false = false): Promise<Server> {
  const { certificate } = options;
  const { maxPayload } = numbersOf(options.settings);
  const log: LogEntry[] = [];
  const server = certificate ? createHttpsServer(certificate) : createServer();
  const sockets = new WebSocketServer({
    server,
    handleProtocols: () => subprotocol,
    ...(maxPayload !== undefined && { maxPayload }),
  });
  sockets.on("connection", (socket, { socket: wire }) => {
    const connection = `${wire.remotePort}`;
    // Its close says all that is to be known.
    socket.on("error", () => {});
    accept(socket, wire, (id) => log.push({ connection, id }));
  });
  return startInProcess(options, server, log);
}
