import { BodyBuffer, checkFields, type Fields, noFields, type Protocol } from "@holdfast/transport";
import { type AnswerTimeouts, judge, type Standing } from "./answer-limits.ts";
import { bytesOf, headPairs, isBodiless, stopBody, stopSource } from "./answer-response.ts";
import { AnswerRequest, type RequestSource } from "./answer-request.ts";
import { HeadTooLong, isConsequence, requestOver, requestTooLong } from "./errors.ts";
import { muxCode } from "./frames.ts";
import { BadBlock, bodyBytes, readRequestHead, readTrailers, type RequestHead } from "./head.ts";
import type { MuxStream, StreamListener } from "./mux-stream.ts";
import { failed, type Refusal, tooManyFields, tooSlow } from "./refusals.ts";
import { Room } from "./room.ts";
import type { ExchangeHandler, ServedRequest, ServedResponse } from "./served.ts";

const maxTimerMs = 2 ** 31 - 1;

/** What an answer needs of the connection that it is given on. */
export interface AnswerHost {
  readonly handler: ExchangeHandler;
  readonly protocol: Protocol;
  readonly secure: boolean;
  readonly maxBodyBytes: number;
  readonly maxFields: number;
  readonly timeouts: Required<AnswerTimeouts>;
  /** Told of what a handler threw, and of an answer that could not be sent. Never throws. */
  failed(error: unknown, request: ServedRequest): void;
  /** Its handler runs from now on, until `over`. */
  begun(): void;
  over(): void;
}

/**
 * The answering end of one stream: what the client sends becomes a request for the handler, what the handler returns is sent
 * back. Owned by its connection until `over`.
 */
export class Answer implements StreamListener, RequestSource, Standing {
  begunAt: number = Infinity;
  movedAt: number = Infinity;
  readonly #stream: MuxStream;
  readonly #host: AnswerHost;
  readonly #room: Room = new Room();
  #head: RequestHead | undefined;
  #body: BodyBuffer | undefined;
  /** Of the body, by its content-length. */
  #leftBytes = Infinity;
  #trailers: Fields = noFields;
  #trailersRead: PromiseWithResolvers<Fields> | undefined;
  /** All of the request has come. */
  complete = false;
  #abort: AbortController | undefined;
  /** Why nobody waits for the answer any more. */
  #left: { readonly reason: unknown } | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #responded = false;
  /** By this end, while the handler runs. */
  #refused = false;
  /** Counts what has come and gone. */
  #moves = 0;
  #movesSeen = -1;
  /** The handler is behind. */
  #paused = false;
  /** The body of the response, until somebody reads it. */
  #unread: ServedResponse["body"];
  /** Where the body of the response comes from, until it has ended. */
  #source: AsyncIterator<Uint8Array> | undefined;

  constructor(stream: MuxStream, host: AnswerHost) {
    this.#stream = stream;
    this.#host = host;
  }

  // ---- told by the stream

  block(block: Buffer, info: boolean, end: boolean): void {
    if (info) throw new BadBlock("a 1xx head of a request");
    if (this.#head !== undefined) {
      if (!end) throw new BadBlock("trailers that end nothing");
      this.#trailers = readTrailers(block);
      return;
    }
    this.#head = readRequestHead(block);
    const { deadlineMs, headers } = this.#head;
    this.#leftBytes = bodyBytes(headers);
    // One that is farther than a timer can wait is none.
    if (deadlineMs !== undefined && deadlineMs <= maxTimerMs)
      this.#deadline = setTimeout(() => this.#late(), deadlineMs).unref();
    this.#body = new BodyBuffer({
      maxBytes: this.#host.maxBodyBytes,
      pause: () => {
        this.#paused = true;
        this.#stream.pause();
      },
      resume: () => this.#resume(),
      cancel: () => this.#resume(),
      tooLong: (maxBytes) => requestTooLong(this.#host.protocol, this.origin, maxBytes),
    });
    this.#host.begun();
    void this.#run(this.#head, this.#body);
  }

  data(chunk: Buffer): void {
    this.#moves++;
    this.#leftBytes -= chunk.byteLength;
    if (this.#leftBytes < 0) return this.#stream.fail(muxCode.protocol, "a body longer than its content-length");
    this.#body?.push(chunk);
  }

  ended(): void {
    if (this.#leftBytes > 0 && this.#leftBytes !== Infinity) {
      return this.#stream.fail(muxCode.protocol, "a body shorter than its content-length");
    }
    this.complete = true;
    this.#body?.end();
    this.#trailersRead?.resolve(this.#trailers);
  }

  progress(): void {
    this.#moves++;
    if (this.#stream.hasRoom) this.#room.open();
  }

  sent(): void {
    clearTimeout(this.#deadline);
    if (this.#refused) this.#ended();
    this.#room.open();
  }

  reset(_code: number, reason: string): void {
    this.#leave(new DOMException(reason === "" ? "the client cancelled the request" : reason, "AbortError"));
  }

  lost(_refused: boolean, error: Error | undefined): void {
    this.#leave(error ?? new DOMException("the connection has ended", "AbortError"));
  }

  // ---- its limits of time

  look(now: number): void {
    if (this.begunAt === Infinity) this.begunAt = now;
    const moved = this.#moves !== this.#movesSeen;
    this.#movesSeen = this.#moves;
    if (moved || !(this.untaken || (!this.complete && !this.#paused))) this.movedAt = now;
    const verdict = judge(this, now, this.#host.timeouts);
    if (verdict === undefined) return;
    if (verdict === "untaken") this.#stream.reset(muxCode.cancelled, "the response was not taken in time");
    else this.#refuse(tooSlow);
    this.#leave(new DOMException("the client was too slow", "TimeoutError"));
  }

  get untaken(): boolean {
    return this.#stream.waits;
  }

  #resume(): void {
    this.#paused = false;
    this.#stream.resume();
  }

  // ---- the handler

  async #run(head: RequestHead, body: BodyBuffer): Promise<void> {
    const request = new AnswerRequest(head, body, this);
    try {
      const response = head.fields > this.#host.maxFields ? tooManyFields : await this.#host.handler(request);
      this.#unread = response.body;
      if (this.#left === undefined) await this.#respond(request, response);
    } catch (error) {
      this.#failed(error, request);
      // What was sent arrives.
      while (this.#stream.hasQueue) await this.#room.wait();
      this.#stream.reset(error instanceof HeadTooLong ? muxCode.frameSize : muxCode.internal);
    } finally {
      clearTimeout(this.#deadline);
      this.#stopSource();
      void stopBody(this.#unread);
      if (!this.complete) this.#cut(new Error("the request was answered before it had come"));
      this.#host.over();
    }
  }

  /** Who only says that the client is gone has nothing to tell. */
  #failed(error: unknown, request: AnswerRequest): void {
    if (this.#left === undefined || !isConsequence(error, this.#left.reason)) this.#host.failed(error, request);
  }

  informational(status: number, fields: Fields = noFields): void {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101) {
      throw new TypeError("the status is not one of 1xx, save 101");
    }
    const pairs = [":status", String(status)];
    checkFields(fields, pairs);
    if (!this.#responded) this.#stream.head(pairs, true, false);
  }

  async #respond(request: AnswerRequest, response: ServedResponse): Promise<void> {
    const { status = 200, body, trailers } = response;
    const bodiless = isBodiless(request.method, status);
    const bytes = bodiless ? undefined : bytesOf(body);
    const source = bodiless || bytes !== undefined ? undefined : (body as AsyncIterable<Uint8Array> | undefined);
    const ends = source === undefined && (bytes?.byteLength ?? 0) === 0 && trailers === undefined;
    let pairs: readonly string[];
    try {
      pairs = headPairs(response, bytes);
    } catch (error) {
      this.#failed(error, request);
      return this.#respond(request, failed);
    }
    this.#responded = true;
    if (!this.#stream.head(pairs, false, ends)) throw new HeadTooLong();
    if (bytes !== undefined) this.#stream.write(bytes);
    else if (source !== undefined) await this.#send(source);
    if (ends || this.#stream.closed) return this.#ended();
    const flat: string[] = [];
    if (trailers !== undefined) checkFields(await trailers(), flat);
    this.#stream.end(trailers === undefined ? undefined : flat);
    // What is queued leaves before the answer is over: it counts against what the client may ask for.
    while (!this.#stream.closed && !this.#stream.localEnded) await this.#room.wait();
    this.#ended();
  }

  /** Answers in this end's own name, if nothing was answered yet; else the exchange is cut. */
  #refuse(refusal: Refusal): void {
    const bytes = this.#head?.method === "HEAD" ? undefined : Buffer.from(refusal.body);
    const isFirst = !this.#responded;
    this.#responded = this.#refused = true;
    if (!isFirst || !this.#stream.head(headPairs(refusal, bytes), false, bytes === undefined))
      return this.#stream.reset(muxCode.cancelled, refusal.body.trimEnd());
    if (bytes === undefined) return this.#ended();
    this.#stream.write(bytes);
    this.#stream.end();
  }

  async #send(body: AsyncIterable<Uint8Array>): Promise<void> {
    this.#unread = undefined;
    const source = (this.#source = body[Symbol.asyncIterator]());
    while (!this.#stream.closed) {
      const { done, value } = await source.next();
      if (done === true) {
        this.#source = undefined;
        return;
      }
      if (!(value instanceof Uint8Array)) throw new TypeError("the body yielded something that is not a Uint8Array");
      this.#stream.write(value);
      if (!this.#stream.hasRoom) await this.#room.wait();
    }
  }

  /** All was sent. Of a request that nobody read to its end, no more is wanted. */
  #ended(): void {
    if (!this.#stream.closed && !this.#stream.remoteEnded) this.#stream.reset(muxCode.none);
  }

  // ---- its end

  #late(): void {
    this.#stream.reset(muxCode.deadline);
    this.#leave(new DOMException("the deadline of the request has passed", "TimeoutError"));
  }

  #leave(reason: unknown): void {
    if (this.#left !== undefined) return;
    this.#left = { reason };
    clearTimeout(this.#deadline);
    if (!this.complete) this.#cut(reason);
    this.#abort?.abort(reason);
    this.#stopSource();
    this.#room.open();
  }

  /** What has not come of the request will not. */
  #cut(reason: unknown): void {
    if (this.#body?.state !== "open" && this.#trailersRead === undefined) return;
    const error = requestOver(this.#host.protocol, this.origin, reason);
    this.#body?.fail(error);
    this.#trailersRead?.reject(error);
  }

  #stopSource(): void {
    const source = this.#source;
    this.#source = undefined;
    if (source !== undefined) void stopSource(source);
  }

  // ---- made when they are asked for, because most handlers do not

  get origin(): string {
    return `${this.#host.secure ? "https" : "http"}://${this.#head?.authority ?? ""}`;
  }

  makeSignal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#left !== undefined) this.#abort.abort(this.#left.reason);
    }
    return this.#abort.signal;
  }

  readTrailers(): Promise<Fields> {
    if (this.#trailersRead === undefined) {
      const read = (this.#trailersRead = Promise.withResolvers<Fields>());
      read.promise.catch(() => {});
      if (this.complete) read.resolve(this.#trailers);
      else if (this.#stream.closed) this.#cut(this.#left?.reason);
    }
    return this.#trailersRead.promise;
  }
}
