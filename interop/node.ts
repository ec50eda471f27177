import { createServer, type IncomingMessage, type Server as HttpServer } from "node:http";
import {
  createSecureServer,
  createServer as createH2cServer,
  type Http2Server,
  type Http2ServerRequest,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { numbersOf, startInProcess } from "./in-process.ts";
import type { LogEntry, Server, ServerOptions } from "./server.ts";

type Answer = (request: IncomingMessage | Http2ServerRequest) => string;

/**
 * node's own `http`, `https` or `http2` server. `settings` are `keepAliveTimeout`, `maxRequestsPerSocket`,
 * `maxConcurrentStreams`, and `timeout`, the milliseconds of silence after which a session is ended.
 */
export function startNode(options: ServerOptions): Promise<Server> {
  const log: LogEntry[] = [];
  const answer: Answer = ({ socket, headers, url = "" }) => {
    log.push({ connection: `${socket.remotePort}`, id: String(headers["x-request-id"]) });
    return url;
  };
  const server = options.protocol === "h2" ? http2Server(options, answer) : http1Server(options, answer);
  return startInProcess(options, server, log);
}

function http1Server({ certificate, settings }: ServerOptions, answer: Answer): HttpServer {
  const { keepAliveTimeout, maxRequestsPerSocket = 0 } = numbersOf(settings);
  const own = { ...certificate, ...(keepAliveTimeout !== undefined && { keepAliveTimeout }) };
  const server = certificate ? createHttpsServer(own) : createServer(own);
  server.maxRequestsPerSocket = maxRequestsPerSocket;
  return server.on("request", (request, response) => void response.end(answer(request)));
}

function http2Server({ certificate, settings }: ServerOptions, answer: Answer): Http2Server {
  const { maxConcurrentStreams, timeout = 0 } = numbersOf(settings);
  const own = { ...certificate, settings: { ...(maxConcurrentStreams !== undefined && { maxConcurrentStreams }) } };
  const server = certificate ? createSecureServer(own) : createH2cServer(own);
  server.setTimeout(timeout);
  return server.on("request", (request, response) => void response.end(answer(request)));
}
