import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import { type DialledSocket, factsOf, momentsOf } from "@holdfast/dial";
import type { ConnectionOwner, DialTimes, DriverConnection, Exchange } from "@holdfast/pool";
import { endAfterSocket, type SessionEnd } from "./end-session.ts";
import { Http2Exchange } from "./exchange.ts";
import { Liveness } from "./liveness.ts";
import type { ParsedHttp2Options } from "./options.ts";
import { promiseOf } from "./promise.ts";

const { NGHTTP2_CANCEL, NGHTTP2_PROTOCOL_ERROR } = constants;

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
 *
 * Node does not tell for which stream a response is pushed. One exchange at a time runs on a session that takes pushes, so
 * that nobody gets what was promised to another; nghttp2 itself cancels what was promised to a stream that is closed.
 */
export class Http2Session implements DriverConnection, SessionEnd {
  readonly times: DialTimes;
  readonly facts: DriverConnection["facts"];
  /** The first that was heard; nghttp2 tells it before the streams fail. */
  goAway: GoAway | undefined;
  /** Why the session ended, if it did by itself. */
  error: Error | undefined;
  readonly headBytes: number;
  /** A request's header list, or its trailers', can be no longer. */
  mostHeadBytes: number;
  readonly #sendHeadBytes: number;
  readonly #session: ClientHttp2Session;
  readonly #socket: DialledSocket["socket"];
  readonly #lastWords: () => void;
  readonly #owner: ConnectionOwner;
  readonly #maxStreams: number;
  readonly #liveness: Liveness;
  /** What runs now, on a session that takes pushes. */
  #main: Exchange | undefined;
  readonly #takesPushes: boolean;
  readonly #pushes: Set<Http2Exchange> = new Set();
  #held = false;
  /** It ends under its streams, which are told when the socket is closed. */
  #ending = false;

  constructor(
    session: ClientHttp2Session,
    dialled: DialledSocket,
    owner: ConnectionOwner,
    options: ParsedHttp2Options,
    push: boolean,
  ) {
    const { socket } = dialled;
    this.#session = session;
    this.#socket = socket;
    this.#owner = owner;
    this.headBytes = options.headBytes;
    this.#sendHeadBytes = options.sendHeadBytes;
    this.mostHeadBytes = this.#mostHeadBytes();
    this.#takesPushes = push;
    this.#maxStreams = push ? 1 : options.maxStreams;
    this.#liveness = new Liveness(session, socket, options.ping);
    this.times = { ...momentsOf(dialled), readyAt: performance.now() };
    this.facts = factsOf(dialled);
    session.setLocalWindowSize(options.windows.sessionBytes);
    this.#lastWords = endAfterSocket(session, socket, this);
    session.on("remoteSettings", () => {
      this.mostHeadBytes = this.#mostHeadBytes();
      owner.capacityIs(this.capacity);
    });
    session.on("goaway", (code, lastStreamId) => this.#leave(code, lastStreamId));
    session.on("error", (error) => {
      this.error ??= error;
    });
    if (push) session.on("stream", (stream, _, __, raw) => this.#promised(stream, raw as readonly string[]));
    session.once("close", () => {
      this.#liveness.stop();
      owner.closed(this.error);
    });
  }

  /** As many as the peer allows and we want. */
  get capacity(): number {
    return Math.min(this.#maxStreams, this.#session.remoteSettings.maxConcurrentStreams ?? Infinity);
  }

  /** How long a header list may be, as the peer says. */
  get peerTakesBytes(): number {
    return this.#session.remoteSettings.maxHeaderListSize ?? Infinity;
  }

  /** No stream can be opened on it any more. */
  get ended(): boolean {
    return this.lost || this.#session.closed;
  }

  /** It has ended under the streams that it had. */
  get lost(): boolean {
    return this.#ending || this.#session.destroyed;
  }

  /** Streams are open on it. */
  get busy(): boolean {
    return this.#liveness.streams > 0;
  }

  run(exchange: Exchange): void {
    const attempt = new Http2Exchange(this);
    exchange.attach(attempt);
    if (this.#takesPushes) this.#main = exchange;
    if (attempt.start(exchange, this.#session)) this.#liveness.streamOpened();
  }

  /** The stream of an exchange, or of a push, is closed. */
  streamClosed(attempt: Http2Exchange): void {
    this.#liveness.streamClosed(attempt.givenUp);
    if (this.#pushes.delete(attempt)) return this.hold(this.#held);
    this.#main = undefined;
    this.#owner.freed();
  }

  /** An exchange could not be given a stream, because of its own head if the session is `fit` for others. */
  notOpened(fit: boolean): void {
    if (!fit) this.lose();
    this.#owner.freed();
  }

  /** It has ended, under its streams perhaps, or opens none any more: none may be placed on it while they are told. */
  lose(): void {
    this.#owner.drains(this.ended ? "the session has ended" : "the session has no stream left");
  }

  ending(error: Error | undefined): void {
    this.#ending = true;
    this.error ??= error;
    this.lose();
  }

  close(): void {
    if (!this.ended) this.#session.close();
    this.#lastWords();
  }

  destroy(reason: unknown): void {
    this.#session.destroy(reason instanceof Error ? reason : undefined);
    // The session alone waits for its GOAWAY to be written, and on an idle connection nothing would hold the process until then.
    if (!this.#ending) this.#socket.destroy();
  }

  hold(alive: boolean): void {
    this.#held = alive;
    if (alive || this.#pushes.size > 0) this.#session.ref();
    else this.#session.unref();
  }

  #mostHeadBytes(): number {
    return Math.min(this.#sendHeadBytes, this.peerTakesBytes);
  }

  #promised(stream: ClientHttp2Stream, raw: readonly string[]): void {
    const main = this.#main;
    const promise = main && promiseOf(raw, main.request, this.headBytes);
    const attempt = new Http2Exchange(this);
    if (promise !== undefined && attempt.receive(promise, main as Exchange, stream)) {
      this.#pushes.add(attempt);
      this.#liveness.streamOpened();
      return this.hold(this.#held);
    }
    const mayNot = main !== undefined && promise === undefined;
    stream.on("error", () => {}).resume();
    stream.close(mayNot ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_CANCEL);
  }

  #leave(code: number, lastStreamId: number): void {
    // A graceful server says goodbye twice: the second GOAWAY has the stream that was really the last (RFC 9113, 6.8).
    this.goAway = { code, lastStreamId };
    this.#owner.drains(`GOAWAY ${code}`);
  }
}
