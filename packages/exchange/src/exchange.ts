import type { Attempt, Exchange, Failure } from "@holdfast/pool";
import { type Fields, isTransportError, noFields } from "@holdfast/transport";
import { sendBody } from "./body.ts";
import { connectionLost, headTooLong, protocolError, streamReset, unopened, wrongLength } from "./errors.ts";
import { endFlag, muxCode } from "./frames.ts";
import { BadBlock, bodyBytes, readResponseHead, readTrailers } from "./head.ts";
import { writeRequestHead } from "./head-writer.ts";
import type { Mux } from "./mux.ts";
import type { MuxStream, StreamListener } from "./mux-stream.ts";
import { Room } from "./room.ts";

/** What an exchange tells the connection that it runs on. */
export interface ExchangeConnection {
  /** It has a response. */
  answered(): void;
}

/** One attempt on one stream: the stream on one side, the pool's exchange on the other. */
export class MuxExchange implements Attempt, StreamListener {
  readonly #exchange: Exchange;
  readonly #connection: ExchangeConnection;
  #stream: MuxStream | undefined;
  #room: Room | undefined;
  /** For its caller it has ended, one way or the other. */
  #over = false;
  #headSeen = false;
  #trailers: Fields = noFields;
  /** By its content-length. */
  #expectedBytes = Infinity;
  #receivedBytes = 0;

  constructor(exchange: Exchange, connection: ExchangeConnection) {
    this.#exchange = exchange;
    this.#connection = connection;
  }

  /** There was no stream for it. */
  unopened(): void {
    this.#unsent(unopened());
  }

  /** Begins on a stream. Returns false when its head cannot be sent; then the exchange has failed unsent. */
  start(mux: Mux, stream: MuxStream): boolean {
    const exchange = this.#exchange;
    const { request, body, deadlineAt } = exchange;
    const { trailers, deadlineMs } = request.source;
    const ends = body.kind === "none" && trailers === undefined;
    const leftMs = deadlineMs === undefined || deadlineMs === Infinity ? undefined : deadlineAt - performance.now();
    const { writer, maxBlock } = mux.output;
    if (!writeRequestHead(writer, stream.id, ends ? endFlag : 0, request, leftMs, maxBlock)) {
      mux.unopen(stream);
      this.#unsent(headTooLong(maxBlock));
      return false;
    }
    this.#stream = stream;
    mux.output.wake();
    exchange.sending();
    if (ends) {
      stream.endedLocally();
      exchange.sent();
    } else {
      this.#room = new Room();
      void sendBody(stream, exchange, this.#room);
    }
    return true;
  }

  // ---- told by the pool

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  abort(reason: unknown): void {
    this.#over = true;
    const late = isTransportError(reason) && reason.code === "DEADLINE_EXCEEDED";
    this.#stream?.reset(late ? muxCode.deadline : muxCode.cancelled);
    this.#room?.open();
  }

  discard(reason: unknown): void {
    this.abort(reason);
  }

  // ---- told by the stream

  block(block: Buffer, info: boolean, end: boolean): void {
    if (this.#headSeen) {
      if (info || !end) throw new BadBlock("trailers that end nothing");
      this.#trailers = readTrailers(block);
      return;
    }
    const { status, headers } = readResponseHead(block);
    if (info) {
      if (end || status >= 200 || status === 101) throw new BadBlock(`a response of ${status} before the response`);
      if (!this.#exchange.informational(status, headers)) throw new BadBlock("more than 16 interim responses");
      return;
    }
    if (status < 200) throw new BadBlock(`a response of ${status}`);
    this.#headSeen = true;
    this.#connection.answered();
    const bodiless = status === 204 || status === 304 || this.#exchange.request.method === "HEAD";
    this.#expectedBytes = bodiless ? 0 : bodyBytes(headers);
    if (!this.#exchange.head(status, headers)) this.abort(undefined);
  }

  data(chunk: Buffer): void {
    if (this.#over) return;
    if (!this.#headSeen) return this.#give(protocolError("a body before its head"));
    this.#receivedBytes += chunk.byteLength;
    if (this.#receivedBytes > this.#expectedBytes) {
      return this.#give(wrongLength(this.#expectedBytes, this.#receivedBytes));
    }
    this.#exchange.data(chunk);
  }

  ended(): void {
    if (this.#over) return;
    if (!this.#headSeen) return this.#give(protocolError("a response without a head"));
    if (this.#expectedBytes !== Infinity && this.#receivedBytes !== this.#expectedBytes) {
      return this.#give(wrongLength(this.#expectedBytes, this.#receivedBytes));
    }
    this.#over = true;
    this.#exchange.end(this.#trailers);
    // The peer has answered before it had all of the request, and wants no more of it.
    if (this.#stream?.localEnded === false) {
      this.#stream.reset(muxCode.cancelled);
      this.#room?.open();
    }
  }

  progress(): void {
    this.#exchange.progress();
    if (this.#stream?.hasRoom === true) this.#room?.open();
  }

  sent(): void {
    this.#exchange.sent();
  }

  reset(code: number, reason: string, byPeer: boolean): void {
    this.#fail(streamReset(code, reason, byPeer, this.#headSeen));
  }

  lost(refused: boolean, error: Error | undefined): void {
    this.#fail(connectionLost(refused, error, this.#headSeen));
  }

  // ---- inside

  #unsent(failure: Failure): void {
    this.#over = true;
    this.#exchange.fail(failure);
  }

  /** The peer's response cannot be used. */
  #give(failure: Failure): void {
    this.#fail(failure);
    this.#stream?.reset(muxCode.protocol, failure.message);
  }

  #fail(failure: Failure): void {
    this.#room?.open();
    if (this.#over) return;
    this.#over = true;
    this.#exchange.fail(failure);
  }
}
