import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { SocketChannel, watchSocket } from "@holdfast/exchange";
import type { ConnectionInfo } from "@holdfast/transport";
import { NodeRequest } from "srvx/node";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { hasBody } from "./body.ts";
import { checkHead, type Refusal } from "./check-head.ts";
import { checkResponse, checkSendable } from "./check-response.ts";
import { connectionInfo } from "./connection-info.ts";
import { socketFailure } from "./errors.ts";
import type { ErrorHandler } from "./fetch-handler.ts";
import { type Accepted, judgeUpgrade, type UpgradeHead, type UpgradeRules } from "./judge-upgrade.ts";
import { connectionFields } from "./response-fields.ts";
import type { UpgradeSettings } from "./upgrade-options.ts";

/** What serves exchanges on sockets of their sub-protocol. It owns each socket from `accept` on. */
export interface ExchangeAcceptor {
  readonly subprotocol: string;
  accept(socket: WebSocket, connection: ConnectionInfo): Accepting;
}

/** A socket that is served. */
export interface Accepting {
  /** Finish what is in flight, then close. */
  drain(): void;
}

/** Exchanges travel in messages of the frames of a turn, which are smaller than this. */
const maxExchangeMessageBytes = 2 ** 20;
/** How long a client may take to answer our close, or take nothing of a refusal. */
const closeTimeoutMs = 2_000;
const goingAway = 1_001;
const handlerFailed = 1_011;

const plainText: readonly (readonly [string, string])[] = [["content-type", "text/plain; charset=utf-8"]];

const ignore = (): void => {};

/** Takes upgrades to WebSocket, or refuses them, and knows the sockets that came of them. */
export class Upgrades {
  readonly #settings: UpgradeSettings;
  readonly #onError: ErrorHandler;
  readonly #exchanges: ExchangeAcceptor;
  readonly #rules: UpgradeRules;
  readonly #exchangeSockets: WebSocketServer;
  readonly #channelSockets: WebSocketServer;
  readonly #chosen: WeakMap<IncomingMessage, string> = new WeakMap();
  readonly #open: Map<WebSocket, Accepting> = new Map();
  /** All that were taken, be it to be refused. */
  readonly #sockets: Set<Socket> = new Set();
  /** Upgrades that wait for `authorize`. */
  readonly #waiting: Set<Socket> = new Set();
  #draining = false;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(settings: UpgradeSettings, onError: ErrorHandler, exchanges: ExchangeAcceptor) {
    this.#settings = settings;
    this.#onError = onError;
    this.#exchanges = exchanges;
    const { channel, subprotocols, origins, limits } = settings;
    this.#rules = {
      origins,
      exchanges: exchanges.subprotocol,
      channels: channel === undefined ? undefined : subprotocols,
    };
    this.#exchangeSockets = this.#socketServer(maxExchangeMessageBytes);
    this.#channelSockets = this.#socketServer(limits.messageBytes);
  }

  /** An upgrade that would be taken, were its origin allowed; others may be somebody else's. */
  wants(request: IncomingMessage): boolean {
    if (!isWebSocketUpgrade(request)) return false;
    const verdict = judgeUpgrade({ ...headOf(request), origin: undefined }, this.#rules);
    return !("status" in verdict);
  }

  /** The socket is ours from now on; `head` is what came behind the request. Never rejects. */
  async take(request: IncomingMessage, socket: Socket, head: Buffer, elsewhere = false): Promise<void> {
    socket.on("error", ignore);
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#settle();
    });
    try {
      await this.#take(request, socket, head, elsewhere);
    } catch (error) {
      this.#tell(error, new NodeRequest({ req: request }));
      socket.destroy();
    }
  }

  drain(): void {
    this.#draining = true;
    for (const socket of this.#waiting) socket.destroy();
    for (const accepting of this.#open.values()) accepting.drain();
  }

  /** Settles when no socket is open. */
  async empty(): Promise<void> {
    if (this.#open.size + this.#sockets.size > 0) await (this.#emptied ??= Promise.withResolvers()).promise;
  }

  destroy(): void {
    this.#draining = true;
    for (const socket of this.#open.keys()) socket.terminate();
    for (const socket of this.#sockets) socket.destroy();
  }

  #settle(): void {
    if (this.#open.size + this.#sockets.size === 0) this.#emptied?.resolve();
  }

  async #take(request: IncomingMessage, socket: Socket, head: Buffer, elsewhere: boolean): Promise<void> {
    // Node before 22.21 takes every upgrade for one.
    const verdict = elsewhere ? notHere : isWebSocketUpgrade(request) ? this.#judge(request) : notServed;
    if ("status" in verdict) return refuse(socket, verdict);
    const web = new NodeRequest({ req: request });
    if (this.#settings.authorize !== undefined) {
      const refusal = await this.#authorize(web, socket);
      if (socket.destroyed) return;
      if (refusal !== undefined) return end(socket, refusal.status, refusal.fields, refusal.body);
      if (this.#draining) return refuse(socket, shuttingDown);
    }
    if (verdict.subprotocol !== undefined) this.#chosen.set(request, verdict.subprotocol);
    const sockets = verdict.serves === "exchanges" ? this.#exchangeSockets : this.#channelSockets;
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      this.#accept(accepted, socket, verdict, connectionInfo(socket, request.headers.host ?? "localhost"), web);
    });
  }

  #judge(request: IncomingMessage): Accepted | Refusal {
    if (this.#draining) return shuttingDown;
    return (
      checkHead(request, { headBytes: Infinity, maxFields: Infinity, bodyBytes: 0 }) ??
      judgeUpgrade(headOf(request), this.#rules)
    );
  }

  async #authorize(request: Request, socket: Socket): Promise<WholeRefusal | undefined> {
    this.#waiting.add(socket);
    try {
      const refusal = await this.#settings.authorize?.(request);
      return refusal === undefined ? undefined : await whole(checkSendable(checkResponse(refusal)));
    } catch (error) {
      this.#tell(error, request);
      return { status: 500, fields: plainText, body: Buffer.from("the request failed\n") };
    } finally {
      this.#waiting.delete(socket);
    }
  }

  #accept(socket: WebSocket, wire: Socket, { serves }: Accepted, connection: ConnectionInfo, request: Request): void {
    socket.on("error", ignore);
    watchSocket(socket, wire, this.#settings.ping);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#settle();
    });
    if (serves === "exchanges") {
      this.#open.set(socket, this.#exchanges.accept(socket, connection));
      return;
    }
    const { sendBufferBytes, messageBytes } = this.#settings.limits;
    const channel = new SocketChannel(socket, {
      connection,
      sendBufferBytes,
      failureOf: (error) => socketFailure(error, messageBytes),
    });
    this.#open.set(socket, { drain: () => void channel.close(goingAway, "the server is shutting down") });
    void this.#handle(channel, request);
  }

  async #handle(channel: SocketChannel, request: Request): Promise<void> {
    try {
      await this.#settings.channel?.(channel, request);
    } catch (error) {
      if (!channel.isOver(error)) this.#tell(error, request);
      void channel.close(handlerFailed, "the handler failed");
    }
  }

  #socketServer(maxPayload: number): WebSocketServer {
    const options: ServerOptions & { readonly closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: Math.min(maxPayload, 2 ** 31 - 1),
      maxFragments: 1_024,
      closeTimeout: closeTimeoutMs,
      handleProtocols: (_, request) => this.#chosen.get(request) ?? false,
    };
    return new WebSocketServer(options);
  }

  /** There is no exchange in which what it returns could be sent. */
  #tell(error: unknown, request: Request): void {
    try {
      this.#onError(error, request);
    } catch {
      // What tells of errors has one itself; the socket ends all the same.
    }
  }
}

const notHere: Refusal = { status: 404, reason: "nothing is served here" };
const notServed: Refusal = { status: 501, reason: "only upgrades to WebSocket are served" };
const shuttingDown: Refusal = { status: 503, reason: "the server is shutting down" };

function headOf({ headers, socket }: IncomingMessage): UpgradeHead {
  const { host, origin } = headers;
  return { host, origin, secure: socket instanceof TLSSocket, subprotocols: headers["sec-websocket-protocol"] };
}

/** Whether node shall treat a request as an upgrade; all others are requests like any, whatever they would like to become. */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return request.method === "GET" && request.headers.upgrade?.toLowerCase() === "websocket" && !hasBody(request);
}

/** Answers an upgrade with another status, and hangs up. */
function refuse(socket: Socket, { status, reason }: Refusal): void {
  end(socket, status, plainText, Buffer.from(`${reason}\n`));
}

/** A refusal of `authorize` as it is sent. */
interface WholeRefusal {
  readonly status: number;
  readonly fields: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

async function whole(response: Response): Promise<WholeRefusal> {
  const body = Buffer.from(await response.arrayBuffer());
  const fields = [...response.headers].filter(
    ([name]) => name !== "content-length" && !connectionFields.includes(name),
  );
  return { status: response.status, fields, body };
}

function end(socket: Socket, status: number, fields: readonly (readonly [string, string])[], body: Buffer): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "connection: close",
    `content-length: ${body.byteLength}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  const destroy = (): void => void socket.destroy();
  socket.once("finish", destroy);
  socket.setTimeout(closeTimeoutMs, destroy);
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), body]));
}
