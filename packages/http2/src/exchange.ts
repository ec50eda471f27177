import { EventEmitter } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import { Readable } from "node:stream";
import type { Attempt, Exchange, Failure, Push } from "@holdfast/pool";
import { type Fields, noFields } from "@holdfast/transport";
import { sendBody } from "./body.ts";
import {
  badHead,
  headTooLong,
  isBadHead,
  protocolError,
  requestTooLong,
  streamFailure,
  trailersTooLong,
  unopened,
} from "./errors.ts";
import { fieldsOf, listBytes, requestHeaders } from "./fields.ts";
import type { Promised } from "./promise.ts";
import type { Http2Session } from "./session.ts";

const { NGHTTP2_CANCEL, NGHTTP2_PROTOCOL_ERROR } = constants;

/** Where a stream keeps its exchange, for what all streams share. */
const exchangeOf: unique symbol = Symbol("exchange");
type OwnStream = ClientHttp2Stream & { [exchangeOf]: Http2Exchange };

/**
 * One attempt on one stream: node's stream on one side, the pool's exchange on the other, or its push, which is the same
 * without a request.
 *
 * The body does not go through node's `Readable`: what the session reads is handed on at once, so that nothing complete is
 * lost when the connection closes behind it, and the one thing that proves completeness is seen: END_STREAM, which pushes
 * `null` while the stream is not closed. A reset or a lost connection closes it first.
 */
export class Http2Exchange implements Attempt {
  readonly #session: Http2Session;
  #receiver: Exchange | Push | undefined;
  #stream: ClientHttp2Stream | undefined;
  /** For its caller it has ended, one way or the other. */
  over = false;
  #headSeen = false;
  #complete = false;
  #paused = false;
  /** What came before node told of the head, which it does a step later; bounded by the window. */
  #early: Uint8Array[] | undefined;
  #trailers: Fields = noFields;
  /** The request ends with trailers, not with its body. */
  sendsTrailers = false;
  #error: Error | undefined;
  /** Node holds a stream to the limit on heads only if the peer had acknowledged it before the stream began. */
  #headBounded = true;
  /** It was ended from our side before the peer had said all. */
  givenUp = false;
  /** The stream does not count any more. */
  #freed = false;

  constructor(session: Http2Session) {
    this.#session = session;
  }

  /** Opens a stream. Returns false when there was none to be had; then the exchange has failed unsent. */
  start(exchange: Exchange, session: ClientHttp2Session): boolean {
    const { request, body } = exchange;
    this.#receiver = exchange;
    // Node 26 tells of it on the stream only, and a turn too late to know that nothing was sent.
    if (this.#session.ended) return this.#unopened(exchange, unopened(null), false);
    const { trailers } = request.source;
    const head = requestHeaders(request);
    const bytes = listBytes(head);
    // Node ends the session for a head that nghttp2 does not send, and says that the peer has refused it.
    if (bytes > this.#session.mostHeadBytes)
      return this.#unopened(exchange, requestTooLong("head", bytes, this.#session), true);
    let stream: ClientHttp2Stream;
    try {
      stream = session.request(head, {
        endStream: body.kind === "none" && trailers === undefined,
        waitForTrailers: trailers !== undefined,
      });
    } catch (error) {
      if (isBadHead(error)) return this.#unopened(exchange, badHead(error), true);
      return this.#unopened(exchange, unopened(error as Error), false);
    }
    // Node destroys at once what it could give no identifier; nothing else does so before this returns.
    if (stream.destroyed) return this.#unopened(exchange, unopened(stream.on("error", () => {}).errored), false);
    this.#headBounded = !session.pendingSettingsAck;
    this.sendsTrailers = trailers !== undefined;
    exchange.sending();
    this.#listen(stream);
    sendBody(stream, exchange, this);
    return true;
  }

  /** Takes a stream that the peer has promised. Returns false when nobody wants it. */
  receive(promise: Promised, exchange: Exchange, stream: ClientHttp2Stream): boolean {
    this.#headBounded = false;
    this.#stream = stream;
    const push = exchange.pushed(promise, this);
    if (push === undefined) return false;
    this.#receiver = push;
    this.#listen(stream);
    return true;
  }
  // ---- told by the pool

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const stream = this.#stream;
    // Our `push` said stop, so node waits to be asked for more, as its own `Readable` would ask.
    if (stream !== undefined && !stream.destroyed) stream._read(0);
  }

  abort(): void {
    this.over = this.givenUp = true;
    this.#reset(NGHTTP2_CANCEL);
  }

  discard(): void {
    this.abort();
  }

  // ---- told by whoever sends the request

  /** Node would reset the stream for trailers that nghttp2 does not send. */
  refuseTrailers(fields: readonly string[]): boolean {
    const bytes = listBytes(fields);
    if (bytes <= this.#session.mostHeadBytes) return false;
    this.#fail(requestTooLong("trailers", bytes, this.#session));
    this.abort();
    return true;
  }

  #unopened(exchange: Exchange, failure: Failure, fit: boolean): false {
    this.over = true;
    this.#session.notOpened(fit);
    exchange.fail(failure);
    return false;
  }

  #listen(stream: ClientHttp2Stream): void {
    const own = stream as OwnStream;
    this.#stream = stream;
    own[exchangeOf] = this;
    own.push = Http2Exchange.#onData;
    own.emit = Http2Exchange.#onEvent;
    own.resume();
  }

  // ---- told by node. Shared by all streams, in the place of their `push` and `emit`: six listeners on each cost more than all
  // that is done when they are called.

  static #onData(this: OwnStream, chunk: Uint8Array | null): boolean {
    return this[exchangeOf].#pushed(this, chunk);
  }

  static #onEvent(this: OwnStream, name: string | symbol, about?: unknown, flags?: unknown, raw?: unknown): boolean {
    const exchange = this[exchangeOf];
    switch (name) {
      case "response":
        exchange.#head(statusOf(about), raw as readonly string[]);
        return true;
      // The first head of what was promised, an interim one or not.
      case "push":
        if (isInterim(statusOf(about))) exchange.#informed(raw as readonly string[]);
        else exchange.#head(statusOf(about), raw as readonly string[]);
        return true;
      case "headers":
        exchange.#informed(raw as readonly string[]);
        break;
      case "trailers":
        exchange.#trailed(raw as readonly string[]);
        break;
      case "end":
        exchange.#ended();
        break;
      case "error":
        exchange.#error = about as Error;
        return true;
      case "close":
        exchange.#closed(this);
        break;
      default:
    }
    return EventEmitter.prototype.emit.call(this, name, about, flags, raw);
  }

  #pushed(stream: ClientHttp2Stream, chunk: Uint8Array | null): boolean {
    if (chunk !== null) {
      if (this.over) return !this.#paused;
      if (this.#headSeen) this.#receiver?.data(chunk);
      else (this.#early ??= []).push(chunk);
      return !this.#paused;
    }
    if (!stream.closed && !stream.destroyed) this.#complete = true;
    return Readable.prototype.push.call(stream, null);
  }

  #informed(raw: readonly string[]): void {
    if (this.over) return;
    if (this.#tooLong(raw)) return this.#give(headTooLong(this.#session.headBytes));
    const status = Number(raw[raw.indexOf(":status") + 1]);
    if (this.#receiver?.informational(status, fieldsOf(raw))) return;
    this.#give(protocolError("more than 16 interim responses"));
  }

  #head(status: number, raw: readonly string[]): void {
    if (this.over) return;
    if (!(status >= 200 && status <= 599)) return this.#give(protocolError(`the status ${status} is not one of HTTP`));
    if (this.#tooLong(raw)) return this.#give(headTooLong(this.#session.headBytes));
    this.#headSeen = true;
    if (this.#receiver?.head(status, fieldsOf(raw)) === false) this.abort();
    for (const chunk of this.#early ?? []) if (!this.over) this.#receiver?.data(chunk);
    this.#early = undefined;
  }

  #trailed(raw: readonly string[]): void {
    if (this.over) return;
    if (this.#tooLong(raw)) return this.#give(trailersTooLong(this.#session.headBytes));
    this.#trailers = fieldsOf(raw);
  }

  #tooLong(raw: readonly string[]): boolean {
    return !this.#headBounded && listBytes(raw) > this.#session.headBytes;
  }

  /** Everything was read. With END_STREAM seen, that is the whole of it. */
  #ended(): void {
    if (this.over || !this.#complete || !this.#headSeen) return;
    this.over = true;
    this.#receiver?.end(this.#trailers);
    // Both sides have said all; node tells that the stream is closed some steps later.
    if (this.#requestEnded) this.#free();
    // The peer has answered before it had all of the request, and wants no more of it.
    else this.#reset(NGHTTP2_CANCEL);
  }

  /** For node what is written is finished when trailers are still to come. */
  get #requestEnded(): boolean {
    const stream = this.#stream;
    return stream?.writableFinished === true && (!this.sendsTrailers || stream.sentTrailers !== undefined);
  }

  #closed(stream: ClientHttp2Stream): void {
    if (this.#session.ended) this.#session.lose();
    if (!this.over) {
      if (this.#complete && this.#headSeen) this.#ended();
      else this.#fail(streamFailure(stream, this.#session, this.#headSeen, this.#error));
    }
    this.#free();
  }

  #free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#session.streamClosed(this);
  }

  #give(failure: Failure): void {
    this.#fail(failure);
    this.#reset(NGHTTP2_PROTOCOL_ERROR);
  }

  /** Node ends a request before it resets its stream, and the peer would take what it has of the body for the whole. */
  #reset(code: number): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    if (!stream.writableEnded) stream.end = () => stream;
    stream.close(code);
  }

  #fail(failure: Failure): void {
    this.over = true;
    this.#receiver?.fail(failure);
  }
}

function statusOf(head: unknown): number {
  return Number((head as { readonly ":status"?: number })[":status"]);
}

function isInterim(status: number): boolean {
  return status >= 100 && status <= 199;
}
