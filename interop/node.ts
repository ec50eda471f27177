import { once } from "node:events";
import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import {
  createSecureServer,
  createServer as createH2cServer,
  type Http2Server,
  type Http2ServerRequest,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { LogEntry, Server, ServerOptions } from "./server.ts";

/** What `settings` may set, as `name: value`. */
interface Settings {
  readonly keepAliveTimeout?: number;
  readonly maxRequestsPerSocket?: number;
  readonly maxConcurrentStreams?: number;
  /** Milliseconds of silence after which a session is ended. */
  readonly timeout?: number;
}

type Answer = (request: IncomingMessage | Http2ServerRequest) => string;

/** node's own `http`, `https` or `http2` server, in this process. */
export async function startNode(options: ServerOptions): Promise<Server> {
  const log: LogEntry[] = [];
  const answer: Answer = ({ socket, headers, url = "" }) => {
    log.push({ connection: `${socket.remotePort}`, id: String(headers["x-request-id"]) });
    return url;
  };
  const server = options.protocol === "h2" ? http2Server(options, answer) : http1Server(options, answer);
  const sockets = new Set<Socket>();
  server.on(options.certificate ? "secureConnection" : "connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let closed: Promise<unknown> | undefined;
  const close = (): Promise<unknown> => {
    const ended = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    return ended;
  };

  return {
    origin: `http${options.certificate ? "s" : ""}://127.0.0.1:${port}`,
    log: () => Promise.resolve(log),
    close: async () => void (await (closed ??= close())),
  };
}

function http1Server({ certificate, settings }: ServerOptions, answer: Answer): HttpServer {
  const { keepAliveTimeout, maxRequestsPerSocket = 0 } = parse(settings);
  const own = { ...certificate, ...(keepAliveTimeout !== undefined && { keepAliveTimeout }) };
  const server = certificate ? createHttpsServer(own) : createServer(own);
  server.maxRequestsPerSocket = maxRequestsPerSocket;
  return server.on("request", (request, response) => void response.end(answer(request)));
}

function http2Server({ certificate, settings }: ServerOptions, answer: Answer): Http2Server {
  const { maxConcurrentStreams, timeout = 0 } = parse(settings);
  const own = { ...certificate, settings: { ...(maxConcurrentStreams !== undefined && { maxConcurrentStreams }) } };
  const server = certificate ? createSecureServer(own) : createH2cServer(own);
  server.setTimeout(timeout);
  return server.on("request", (request, response) => void response.end(answer(request)));
}

function parse(settings: readonly string[] = []): Settings {
  return Object.fromEntries(settings.map((line) => line.split(": ")).map(([name, value]) => [name, Number(value)]));
}
