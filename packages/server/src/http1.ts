import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as HttpsServer } from "node:https";
import type { Socket } from "node:net";
import { maxTimerMs } from "./check-options.ts";
import { Exchange } from "./exchange.ts";
import type { ServeSettings } from "./options.ts";
import { http1Wire, isLingering } from "./wire.ts";

interface Connection {
  /** Exchanges under way; pipelined ones overlap. */
  inFlight: number;
  /** `bytesRead` when the last one ended: more means that a request is coming. */
  restedAt: number;
  latest: Exchange | undefined;
}

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
    this.#connections.set(socket, { inFlight: 0, restedAt: 0, latest: undefined });
    socket.once("close", () => this.delete(socket));
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
      connection.latest?.endConnection();
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
    connection.latest = exchange;
    connection.inFlight += 1;
    response.once("close", () => {
      connection.inFlight -= 1;
      connection.restedAt = socket.bytesRead;
      // Its head said that others may follow: draining began later.
      if (this.#draining && !isLingering(socket)) endIfAtRest(socket, connection);
    });
    void exchange.run(this.#draining);
  }

  /** Nothing was read or written for `bodyGapMs`, or for `keepAliveMs` at rest. */
  #silent(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.inFlight === 0 || socket.writableLength > 0) socket.destroy();
    else if (connection.latest?.owed === true) connection.latest.timeOut();
    else socket.setTimeout(forNode(this.#settings.timeouts.bodyGapMs));
  }
}

function endIfAtRest(socket: Socket, { inFlight, restedAt }: Connection): void {
  if (inFlight === 0 && socket.bytesRead === restedAt) socket.destroySoon();
}

/** Node says 0 for never. */
function forNode(ms: number): number {
  return ms > maxTimerMs ? 0 : Math.ceil(ms);
}
