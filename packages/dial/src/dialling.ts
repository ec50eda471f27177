import { connect, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { isTransportError, type TransportError } from "@holdfast/transport";
import { openConnectTunnel } from "./connect-proxy.ts";
import type { Dial, DialledSocket, DialPhase, DialRequest } from "./dial.ts";
import {
  aborted,
  connectFailed,
  connectTimeout,
  type DialFacts,
  handshakeFailed,
  messageOf,
  negotiationFailed,
  resolveFailed,
} from "./errors.ts";
import { openTcp, raceTcp } from "./happy-eyeballs.ts";
import { ignoreLateErrors } from "./late-errors.ts";
import { opened } from "./opened.ts";
import type { DialSettings } from "./options.ts";
import { type Proxy, proxyFromEnvironment } from "./proxy.ts";
import { type Address, literalAddress, resolve } from "./resolve.ts";
import { openSocksTunnel } from "./socks-proxy.ts";
import type { Tickets } from "./tickets.ts";
import { isTlsFailure, tlsReason } from "./tls-reason.ts";
import { startTls, tlsInfo } from "./tls.ts";

/** setTimeout's longest; a longer limit never fires. */
const maxTimerMs = 2_147_483_647;

/**
 * Dials at once. The dial owns every socket it opens until it hands one over; however it ends before, all of them are
 * destroyed and its timer is cleared.
 *
 *     resolve ──► connect ──► secure ──► handed over
 *        └───────────┴───────────┴─────► failed, timed out or cancelled
 */
export class Dialling implements Dial {
  readonly startedAt: number = performance.now();
  readonly done: Promise<DialledSocket>;
  readonly #request: DialRequest;
  readonly #settings: DialSettings;
  readonly #tickets: Tickets;
  readonly #giveUp: AbortController = new AbortController();
  readonly #reject: (error: TransportError) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #phase: DialPhase = "connect";
  /** What has not happened yet, in words. */
  #pending = "";
  /** Innermost first: TCP, TLS to the proxy, TLS to the target. */
  #sockets: Socket[] = [];
  #resolvedAt: number | undefined;
  #settled = false;

  constructor(request: DialRequest, settings: DialSettings, tickets: Tickets) {
    this.#request = request;
    this.#settings = settings;
    this.#tickets = tickets;
    const { promise, resolve: fulfil, reject } = Promise.withResolvers<DialledSocket>();
    this.done = promise;
    this.#reject = reject;
    promise.catch(() => {});
    if (request.timeoutMs <= maxTimerMs) {
      this.#timer = setTimeout(
        () => this.#fail(connectTimeout(this.#facts(), request.timeoutMs, this.#pending)),
        request.timeoutMs,
      );
    }
    this.#run().then(
      (dialled) => {
        if (this.#settled) return;
        this.#settled = true;
        clearTimeout(this.#timer);
        this.#sockets = [];
        fulfil(dialled);
      },
      (error: TransportError) => this.#fail(error),
    );
  }

  get phase(): DialPhase {
    return this.#phase;
  }

  cancel(reason?: unknown): void {
    if (!this.#settled) this.#fail(aborted(this.#facts(), reason));
  }

  #fail(error: TransportError): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#giveUp.abort(error);
    this.#dropSockets();
    this.#reject(error);
  }

  async #run(): Promise<DialledSocket> {
    const { target, secure } = this.#request;
    const reached = await this.#reach();
    const connectedAt = performance.now();
    const { localPort, remoteAddress, remotePort } = this.#sockets[0] ?? reached;
    const dialled: DialledSocket = {
      socket: reached,
      startedAt: this.startedAt,
      connectedAt,
      ...(this.#resolvedAt === undefined ? {} : { resolvedAt: this.#resolvedAt }),
      ...(localPort === undefined ? {} : { localPort }),
      ...(remoteAddress === undefined ? {} : { remoteAddress }),
      ...(remotePort === undefined ? {} : { remotePort }),
    };
    if (!secure) return dialled;
    this.#enter("secure", `the TLS handshake with ${target.hostname} is not finished`);
    const socket = await this.#secure(reached);
    return { ...dialled, socket, securedAt: performance.now(), tls: tlsInfo(socket) };
  }

  /** The way to the target: TCP, a unix socket, or a tunnel. */
  async #reach(): Promise<Socket> {
    const { target, secure } = this.#request;
    const { socketPath } = this.#settings;
    if (socketPath !== undefined) return this.#reachUnix(socketPath);
    const proxy = this.#chooseProxy({ secure, hostname: target.hostname, port: target.port });
    if (proxy !== undefined) return this.#reachThrough(proxy);
    const addresses = await this.#resolveTarget();
    this.#enter("connect", `no answer yet from ${listOf(addresses, target.port)}`);
    try {
      return this.#hold(await raceTcp(addresses, (each) => openTcp(each, target.port), this.#giveUp.signal));
    } catch (error) {
      throw connectFailed(this.#facts(), messageOf(error), error);
    }
  }

  async #reachUnix(path: string): Promise<Socket> {
    this.#enter("connect", `no answer yet from ${path}`);
    try {
      const socket = this.#hold(ignoreLateErrors(connect({ path })));
      await opened(socket, "connect");
      return socket;
    } catch (error) {
      throw connectFailed(this.#facts(), messageOf(error), error);
    }
  }

  #chooseProxy(question: {
    readonly secure: boolean;
    readonly hostname: string;
    readonly port: number;
  }): Proxy | undefined {
    const { proxy } = this.#settings;
    try {
      return proxy === "environment" ? proxyFromEnvironment(question, process.env) : proxy;
    } catch (error) {
      throw connectFailed(this.#facts(), `in the environment, ${messageOf(error)}`, error);
    }
  }

  async #resolveTarget(): Promise<readonly Address[]> {
    const { hostname } = this.#request.target;
    const literal = literalAddress(hostname);
    if (literal !== undefined) return [literal];
    this.#enter("resolve", `${hostname} is not resolved yet`);
    try {
      const addresses = await resolve(hostname, this.#settings.lookup);
      this.#resolvedAt = performance.now();
      return addresses;
    } catch (error) {
      throw resolveFailed(this.#facts(), error);
    }
  }

  /** A tunnel. With `socks5:` the name is ours to resolve, so each of its addresses may need a try. */
  async #reachThrough(proxy: Proxy): Promise<Socket> {
    const { hostname } = this.#request.target;
    const hosts = proxy.kind === "socks5:" ? (await this.#resolveTarget()).map(({ address }) => address) : [hostname];
    const failures: unknown[] = [];
    for (const host of hosts) {
      const socket = await this.#reachProxy(proxy);
      try {
        this.#enter("connect", `the proxy ${proxy.label} has not opened a tunnel yet`);
        await this.#openTunnel(socket, proxy, host);
        return socket;
      } catch (error) {
        failures.push(error);
        this.#dropSockets();
      }
    }
    const [first] = failures;
    const cause =
      failures.length > 1 ? new AggregateError(failures) : first instanceof Error ? (first.cause ?? first) : first;
    throw connectFailed(this.#facts(), `the proxy ${proxy.label} ${messageOf(first)}`, cause);
  }

  /** A connection to the proxy itself, with TLS if it wants that. */
  async #reachProxy(proxy: Proxy): Promise<Socket> {
    const literal = literalAddress(proxy.hostname);
    try {
      this.#enter("connect", `the proxy ${proxy.label} is not resolved yet`);
      const addresses = literal === undefined ? await resolve(proxy.hostname, this.#settings.lookup) : [literal];
      this.#enter("connect", `no answer yet from the proxy ${proxy.label}`);
      const socket = this.#hold(await raceTcp(addresses, (each) => openTcp(each, proxy.port), this.#giveUp.signal));
      if (proxy.kind !== "https:") return socket;
      this.#enter("connect", `the TLS handshake with the proxy ${proxy.label} is not finished`);
      const { hostname } = proxy;
      const context = this.#settings.tls.proxyContext();
      const secured = this.#hold(
        startTls(socket, { hostname, context, peer: { rejectUnauthorized: true }, alpn: [], ticket: undefined }),
      );
      await opened(secured, "secureConnect");
      return secured;
    } catch (error) {
      throw connectFailed(
        this.#facts(),
        `the proxy ${proxy.label} cannot be reached: ${isTlsFailure(error) ? tlsReason(error) : messageOf(error)}`,
        error,
      );
    }
  }

  #openTunnel(socket: Socket, proxy: Proxy, host: string): Promise<void> {
    const { target, timeoutMs } = this.#request;
    if (proxy.kind === "socks5:" || proxy.kind === "socks5h:")
      return openSocksTunnel(socket, { host, port: target.port }, proxy, timeoutMs);
    return openConnectTunnel(socket, authorityOf(host, target.port), proxy.credentials);
  }

  async #secure(reached: Socket): Promise<TLSSocket> {
    const { target, alpn } = this.#request;
    const { tls } = this.#settings;
    const ticket = this.#tickets.get(target.origin);
    try {
      const socket = this.#hold(
        startTls(reached, {
          hostname: target.hostname,
          context: tls.context(),
          peer: tls.peer,
          alpn: alpn.offer,
          ticket,
        }),
      );
      // Node withholds the session of a peer that it has not verified: resuming skips the check of the peer's name.
      const tickets = this.#tickets;
      socket.on("session", (fresh) => tickets.set(target.origin, fresh));
      await opened(socket, "secureConnect");
      const chosen = socket.alpnProtocol || "";
      if (alpn.required && !alpn.offer.includes(chosen)) throw negotiationFailed(this.#facts(), alpn.offer, chosen);
      return socket;
    } catch (error) {
      // A peer that was renewed may trip over the ticket of its predecessor.
      this.#tickets.delete(target.origin);
      throw isTransportError(error) ? error : handshakeFailed(this.#facts(), alpn.offer, error);
    }
  }

  /** Before each wait: a dial that is over must not go on. */
  #enter(phase: DialPhase, pending: string): void {
    if (this.#settled) throw this.#giveUp.signal.reason;
    this.#phase = phase;
    this.#pending = pending;
  }

  /** From the moment it exists, a socket is destroyed with the dial. */
  #hold<S extends Socket>(socket: S): S {
    this.#sockets.push(socket);
    if (!this.#settled) return socket;
    this.#dropSockets();
    throw this.#giveUp.signal.reason;
  }

  #dropSockets(): void {
    for (const socket of this.#sockets.toReversed()) socket.destroy();
    this.#sockets = [];
  }

  #facts(): DialFacts {
    const { target, protocol } = this.#request;
    return { target, protocol, phase: this.#phase, elapsedMs: performance.now() - this.startedAt };
  }
}

const maxShown = 3;

function listOf(addresses: readonly Address[], port: number): string {
  const more = addresses.length > maxShown ? ` and ${addresses.length - maxShown} more` : "";
  return `${addresses
    .slice(0, maxShown)
    .map(({ address }) => authorityOf(address, port))
    .join(", ")}${more}`;
}

function authorityOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
