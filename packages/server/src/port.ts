import { once } from "node:events";
import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { CloseOptions } from "@holdfast/transport";
import { untilDeadline } from "./deadline.ts";
import { exchangeAcceptor } from "./exchanges.ts";
import { readFirstBytes } from "./first-bytes.ts";
import { Http1Connections, http1Server } from "./http1.ts";
import type { ServeSettings } from "./options.ts";
import { Http2Sessions } from "./sessions.ts";
import { isWebSocketUpgrade, Upgrades } from "./upgrade.ts";

/**
 * The port and every socket that came in by it. Node's server for HTTP/1.1 listens; connections that speak HTTP/2 are
 * taken from it before it sees them.
 *
 *     open ──► draining ──► closed
 *       └────────────────────►
 */
export class Port {
  readonly #settings: ServeSettings;
  readonly #listener: HttpServer | HttpsServer;
  readonly #connections: Http1Connections;
  readonly #sessions: Http2Sessions;
  readonly #upgrades: Upgrades;
  readonly #sockets: Set<Socket> = new Set();
  /** Those that have not said yet what they speak. */
  readonly #unknown: Set<Socket> = new Set();
  /** Meaningful from `listen()` on. */
  number = 0;
  #closed: Promise<unknown> | undefined;
  #draining = false;

  constructor(settings: ServeSettings) {
    this.#settings = settings;
    this.#upgrades = new Upgrades(settings.upgrade, settings.onError, exchangeAcceptor(settings));
    const upgradable = settings.protocols.has("websocket");
    const isUpgrade = (request: IncomingMessage): boolean =>
      upgradable && isWebSocketUpgrade(request) && !this.#connections.isBusy(request.socket);
    this.#listener = http1Server(settings, isUpgrade);
    this.#connections = new Http1Connections(this.#listener, settings);
    this.#sessions = new Http2Sessions(settings);
    if (upgradable) {
      this.#listener.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
        // Node before 22.21 does not ask: what is still to be answered would go into the WebSocket.
        if (this.#connections.isBusy(socket)) return void socket.destroy();
        this.#connections.delete(socket);
        void this.#upgrades.take(request, socket, head);
      });
    }
    this.#route();
  }

  async listen(): Promise<void> {
    const { port, hostname } = this.#settings;
    this.#listener.listen({ port, ...(hostname === undefined ? {} : { host: hostname }) });
    await once(this.#listener, "listening");
    // A connection that could not be accepted, for want of descriptors say, shall not end the process.
    this.#listener.on("error", ({ message }: Error) =>
      process.emitWarning(message, { code: "HOLDFAST_ACCEPT_FAILED" }),
    );
    this.#closed = once(this.#listener, "close");
    this.number = (this.#listener.address() as AddressInfo).port;
  }

  async drain(options: CloseOptions = {}): Promise<void> {
    this.#startDraining();
    await untilDeadline(this.#over(), options, () => this.#destroyAll());
  }

  async destroy(): Promise<void> {
    this.#startDraining();
    this.#destroyAll();
    await this.#over();
  }

  /** No socket is open, and every handler that was cut has been told. */
  async #over(): Promise<void> {
    await this.#closed;
    await Promise.all([this.#connections.empty(), this.#sessions.empty(), this.#upgrades.empty()]);
  }

  #startDraining(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#listener.close();
    for (const socket of this.#unknown) socket.destroy();
    this.#connections.drain();
    this.#sessions.drain();
    this.#upgrades.drain();
  }

  #destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Puts ourselves between the listener and what node does with a new connection. */
  #route(): void {
    const { tls, protocols, timeouts } = this.#settings;
    const listener: HttpServer = this.#listener;
    listener.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    const event = tls === undefined ? "connection" : "secureConnection";
    const [nodes] = listener.listeners(event) as ((socket: Socket) => void)[];
    if (nodes === undefined) throw new Error(`node's server has no listener for ${event}`);
    listener.off(event, nodes);
    const http1 = protocols.has("http/1.1") || protocols.has("websocket");
    const hand = (socket: Socket, protocol: "h2" | "http/1.1"): void => {
      if (protocol === "h2") {
        // Node's listener for HTTP/1.1 leaves it to the parser to end what its client has ended; a session would never end.
        socket.allowHalfOpen = false;
        this.#sessions.add(socket);
      } else if (http1) {
        this.#connections.add(socket);
        nodes.call(listener, socket);
        socket.resume();
      } else {
        socket.destroy();
      }
    };
    listener.on(event, (socket: Socket) => {
      if (this.#draining) socket.destroy();
      else if (socket instanceof TLSSocket) hand(socket, socket.alpnProtocol === "h2" ? "h2" : "http/1.1");
      else if (!protocols.has("h2")) hand(socket, "http/1.1");
      else this.#ask(socket, timeouts.handshakeMs, hand);
    });
  }

  #ask(socket: Socket, timeoutMs: number, hand: (socket: Socket, protocol: "h2" | "http/1.1") => void): void {
    this.#unknown.add(socket);
    const known = (): boolean => this.#unknown.delete(socket);
    socket.once("close", known);
    readFirstBytes(socket, timeoutMs, (protocol) => {
      socket.off("close", known);
      known();
      hand(socket, protocol);
    });
  }
}
