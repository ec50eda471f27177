import type { ClientHttp2Session } from "node:http2";
import { type DialledSocket, factsOf, momentsOf } from "@holdfast/dial";
import type { ConnectionOwner, DialTimes, DriverConnection, Exchange } from "@holdfast/pool";
import { isBadHead } from "./errors.ts";
import { Http2Exchange } from "./exchange.ts";
import { Liveness } from "./liveness.ts";
import type { ParsedHttp2Options } from "./options.ts";

/** What a GOAWAY said: streams above `lastStreamId` were never looked at (RFC 9113, 6.8). */
export interface GoAway {
  readonly code: number;
  readonly lastStreamId: number;
}

/**
 * One session over one connection. Owned by the pool, which places streams; this makes them and listens.
 *
 *     open ──► draining ──► closed
 *       └───────────────────►
 *
 * `draining` is entered on GOAWAY: running streams finish, no new one starts.
 */
export class Http2Session implements DriverConnection {
  readonly times: DialTimes;
  readonly facts: DriverConnection["facts"];
  /** The first that was heard; nghttp2 tells it before the streams fail. */
  goAway: GoAway | undefined;
  /** Why the session ended, if it did by itself. */
  error: Error | undefined;
  readonly headBytes: number;
  readonly #session: ClientHttp2Session;
  readonly #socket: DialledSocket["socket"];
  readonly #owner: ConnectionOwner;
  readonly #maxStreams: number;
  readonly #liveness: Liveness;

  constructor(
    session: ClientHttp2Session,
    dialled: DialledSocket,
    owner: ConnectionOwner,
    options: ParsedHttp2Options,
  ) {
    const { socket } = dialled;
    this.#session = session;
    this.#socket = socket;
    this.#owner = owner;
    this.headBytes = options.headBytes;
    this.#maxStreams = options.maxStreams;
    this.#liveness = new Liveness(session, socket, options.ping);
    this.times = { ...momentsOf(dialled), readyAt: performance.now() };
    this.facts = factsOf(dialled);
    session.setLocalWindowSize(options.windows.sessionBytes);
    session.on("remoteSettings", () => owner.capacityIs(this.capacity));
    session.on("goaway", (code, lastStreamId) => this.#leave(code, lastStreamId));
    session.on("error", (error) => {
      this.error ??= error;
    });
    session.once("close", () => {
      this.#liveness.stop();
      owner.closed(this.error);
    });
  }

  /** As many as the peer allows and we want. */
  get capacity(): number {
    return Math.min(this.#maxStreams, this.#session.remoteSettings.maxConcurrentStreams ?? Infinity);
  }

  /** No stream can be opened on it any more. */
  get ended(): boolean {
    return this.#session.destroyed || this.#session.closed;
  }

  /** It has ended under the streams that it had. */
  get lost(): boolean {
    return this.#session.destroyed;
  }

  run(exchange: Exchange): void {
    const http2Exchange = new Http2Exchange(exchange, this);
    exchange.attach(http2Exchange);
    if (http2Exchange.start(this.#session)) this.#liveness.streamOpened();
  }

  /** The stream of an exchange is closed. */
  streamClosed(): void {
    this.#liveness.streamClosed();
    this.#owner.freed();
  }

  /** An exchange could not be given a stream. */
  notOpened(error: unknown): void {
    if (!isBadHead(error)) this.lose();
    this.#owner.freed();
  }

  /** It has ended under its streams: none may be placed on it while they are told. */
  lose(): void {
    this.#owner.drains("the session has ended");
  }

  close(): void {
    if (!this.ended) this.#session.close();
  }

  destroy(reason: unknown): void {
    this.#session.destroy(reason instanceof Error ? reason : undefined);
    // The session alone waits for its GOAWAY to be written, and on an idle connection nothing would hold the process until then.
    this.#socket.destroy();
  }

  hold(alive: boolean): void {
    if (alive) this.#session.ref();
    else this.#session.unref();
  }

  #leave(code: number, lastStreamId: number): void {
    // A graceful server says goodbye twice: the second GOAWAY has the stream that was really the last (RFC 9113, 6.8).
    this.goAway = { code, lastStreamId };
    this.#owner.drains(`GOAWAY ${code}`);
  }
}
