import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import type { Refusal } from "./check-head.ts";
import { maxTimerMs } from "./check-options.ts";
import { Exchange } from "./exchange.ts";
import type { ServeSettings } from "./options.ts";
import { isWebSocketUpgrade } from "./upgrade.ts";
import { http1Wire, isLingering } from "./wire.ts";

/** One connection and what runs on it: one exchange at a time, others wait in the order that their answers must have. */
interface Connection {
  running: Exchange | undefined;
  /** What the client pipelined. */
  readonly waiting: Exchange[];
  /** `bytesRead` when the last one ended: more means that a request is coming. */
  restedAt: number;
}

const pipelinedUpgrade: Refusal = {
  status: 400,
  reason: "an upgrade may not follow a request that is not answered yet",
};

/** Node's server for HTTP/1.1 with the limits of ours; it also listens, and hands over what speaks another protocol. */
export function http1Server(
  settings: ServeSettings,
  isUpgrade: (request: IncomingMessage) => boolean,
): HttpServer | HttpsServer {
  const { tls, timeouts, limits, protocols } = settings;
  const { headMs, requestMs, handshakeMs } = timeouts;
  const options = {
    maxHeaderSize: Math.min(limits.headBytes, 2 ** 31 - 1),
    insecureHTTPParser: false,
    requireHostHeader: true,
    headersTimeout: forNode(Math.min(headMs, requestMs)),
    requestTimeout: forNode(requestMs),
    keepAliveTimeout: forNode(timeouts.keepAliveMs),
    connectionsCheckingInterval: Math.ceil(Math.min(headMs / 4, requestMs / 4, 5_000)),
    shouldUpgradeCallback: isUpgrade,
    noDelay: true,
  };
  const alpn = protocols.has("h2") ? (protocols.size > 1 ? ["h2", "http/1.1"] : ["h2"]) : ["http/1.1"];
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({
          minVersion: "TLSv1.2",
          ...tls,
          ...options,
          ALPNProtocols: alpn,
          handshakeTimeout: Math.min(handshakeMs, maxTimerMs),
        });
  server.maxConnections = limits.maxConnections;
  // Node drops what is above its count without a word; one more than ours shows that there was too much.
  server.maxHeadersCount = Math.min(limits.maxFields + 1, 2 ** 31 - 1);
  server.timeout = forNode(timeouts.bodyGapMs);
  return server;
}

/** The connections that speak HTTP/1.1: what runs on each, so that draining can tell which are at rest. */
export class Http1Connections {
  readonly #settings: ServeSettings;
  readonly #connections: Map<Socket, Connection> = new Map();
  #draining = false;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(server: HttpServer | HttpsServer, settings: ServeSettings) {
    this.#settings = settings;
    server.on("request", (request, response) => this.#serve(request, response));
    server.on("checkContinue", (request, response) => {
      // A body that is too long is refused before it is sent.
      if (Number(request.headers["content-length"] ?? 0) <= settings.limits.bodyBytes) response.writeContinue();
      this.#serve(request, response);
    });
    server.on("timeout", (socket) => this.#silent(socket));
  }

  add(socket: Socket): void {
    const connection: Connection = { running: undefined, waiting: [], restedAt: 0 };
    this.#connections.set(socket, connection);
    socket.once("close", () => this.delete(socket));
    const resume = socket.resume.bind(socket);
    // Node reads on whenever a request or an exchange ends.
    socket.resume = () => (this.#isFull(connection) ? socket : resume());
    socket.on("resume", () => this.#isFull(connection) && stopReading(socket));
  }

  /** A request of it has not been answered yet. */
  isBusy(socket: Socket): boolean {
    return this.#connections.get(socket)?.running !== undefined;
  }

  /** It speaks another protocol from now on, or none. */
  delete(socket: Socket): void {
    this.#connections.delete(socket);
    if (this.#connections.size === 0) this.#emptied?.resolve();
  }

  /** Settles when there is none, and what ran on them knows. */
  async empty(): Promise<void> {
    if (this.#connections.size > 0) await (this.#emptied ??= Promise.withResolvers()).promise;
  }

  drain(): void {
    this.#draining = true;
    for (const [socket, connection] of this.#connections) {
      // Of pipelined requests the last answer alone may say so.
      if (connection.waiting.length === 0) connection.running?.endConnection();
      endIfAtRest(socket, connection);
    }
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (connection === undefined || isLingering(socket)) return;
    if (!this.#settings.protocols.has("http/1.1")) {
      response.writeHead(426, { upgrade: "websocket", connection: "upgrade, close" }).end();
      return;
    }
    const exchange = new Exchange(request, response, http1Wire(request, response), this.#settings);
    response.once("close", () => this.#next(socket, connection));
    if (connection.running === undefined) return this.#run(connection, exchange);
    connection.waiting.push(exchange);
    if (this.#settings.protocols.has("websocket") && isWebSocketUpgrade(request)) exchange.refuse(pipelinedUpgrade);
    if (this.#isFull(connection)) stopReading(socket);
  }

  #run(connection: Connection, exchange: Exchange): void {
    connection.running = exchange;
    void exchange.run(this.#draining && connection.waiting.length === 0);
  }

  /** An exchange is over. */
  #next(socket: Socket, connection: Connection): void {
    connection.running = undefined;
    connection.restedAt = socket.bytesRead;
    // It was the last, whatever has come behind it.
    if (!socket.writable || isLingering(socket)) return;
    const wasFull = this.#isFull(connection);
    const next = connection.waiting.shift();
    if (next !== undefined) this.#run(connection, next);
    // Its head said that others may follow: draining began later.
    else if (this.#draining) endIfAtRest(socket, connection);
    if (wasFull) socket.resume();
  }

  /** So much has been pipelined that nothing more is read. */
  #isFull({ waiting }: Connection): boolean {
    return waiting.length >= this.#settings.limits.maxStreams;
  }

  /** Nothing was read or written for `bodyGapMs`, or for `keepAliveMs` at rest. */
  #silent(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection?.running === undefined || socket.writableLength > 0) socket.destroy();
    // What waits is held up by us.
    else if (connection.running.owed) connection.running.timeOut();
    else socket.setTimeout(forNode(this.#settings.timeouts.bodyGapMs));
  }
}

function endIfAtRest(socket: Socket, { running, restedAt }: Connection): void {
  if (running === undefined && socket.bytesRead === restedAt) socket.destroySoon();
}

/** Node's parser reads by itself, from a stream that may be paused already and would not say it again. */
function stopReading(socket: Socket): void {
  socket.pause().emit("pause");
}

/** Node says 0 for never. */
function forNode(ms: number): number {
  return ms > maxTimerMs ? 0 : Math.ceil(ms);
}
