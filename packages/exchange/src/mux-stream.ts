import { endFlag, frameType, infoFlag, muxCode } from "./frames.ts";
import { writePairsFrame } from "./head-writer.ts";
import type { Mux } from "./mux.ts";

/** Who hears of one stream, frame by frame, while a message is being read. */
export interface StreamListener {
  /** A head, or trailers. Throws `BadBlock` for one that is none: the stream is reset. */
  block(block: Buffer, info: boolean, end: boolean): void;
  data(chunk: Buffer): void;
  /** The peer has said all. */
  ended(): void;
  /** Something of what was queued has left the queue. */
  progress(): void;
  /** All has, the end included. */
  sent(): void;
  /** It was ended before its end: by the peer, or by this side because of what the peer had sent. Told last, as `lost` is. */
  reset(code: number, reason: string, byPeer: boolean): void;
  /** Called now and then by who wants to know how it stands. */
  look?(now: number): void;
  /** The connection ended under it. `refused`: the peer said that it never looked at it. */
  lost(refused: boolean, error: Error | undefined): void;
}

/** What may wait in a stream's queue before its writer is asked to wait. */
const maxQueuedBytes = 65_536;
/** Pieces that were sent and still stand in the queue. */
const maxSent = 4_096;
const none: Uint8Array[] = [];

/**
 * One stream of a connection, the same at both ends: what it has to send, and how much either side may send on it.
 *
 *     open ──► one side has said all ──► closed
 *       └────────────────────────────────► reset, or the connection lost
 *
 * Owned by its connection, which forgets it when it is closed.
 */
export class MuxStream {
  readonly id: number;
  /** Set by the connection before any of its frames is read. */
  declare listener: StreamListener;
  /** What this side may still send; the peer gives it. */
  credit: number;
  localEnded = false;
  remoteEnded = false;
  closed = false;
  /** It stands in the connection's list of those that have something to send. */
  listed = false;
  readonly #mux: Mux;
  #queue: Uint8Array[] = none;
  /** The first in the queue that has not been sent whole. */
  #first = 0;
  #queuedBytes = 0;
  /** What of the first in the queue has been sent. */
  #offset = 0;
  #ending = false;
  #trailers: readonly string[] | undefined;
  /** What the peer may still send. */
  #window: number;
  readonly #halfWindow: number;
  /** Given to the application, and not yet given back to the peer as credit. */
  #consumed = 0;
  #paused = false;

  constructor(id: number, mux: Mux, credit: number, window: number) {
    this.id = id;
    this.#mux = mux;
    this.credit = credit;
    this.#window = window;
    this.#halfWindow = window / 2;
  }

  // ---- sending

  /** Something waits to be sent. */
  get hasQueue(): boolean {
    return this.#queuedBytes > 0;
  }

  /** Something, be it the end alone, waits until the peer takes it. */
  get waits(): boolean {
    return !this.closed && (this.#queuedBytes > 0 || (this.#ending && !this.localEnded));
  }

  /** There is room in the queue for more. */
  get hasRoom(): boolean {
    return this.#queuedBytes < maxQueuedBytes;
  }

  /** Queues bytes, which must not change until they have left. */
  write(chunk: Uint8Array): void {
    if (this.closed || this.#ending || chunk.byteLength === 0) return;
    if (this.#queue === none) this.#queue = [chunk];
    else this.#queue.push(chunk);
    this.#queuedBytes += chunk.byteLength;
    this.#mux.output.offer(this);
  }

  /** Nothing follows, save `trailers`: name, value, name, value, ... */
  end(trailers?: readonly string[]): void {
    if (this.closed || this.#ending) return;
    this.#ending = true;
    this.#trailers = trailers;
    this.#mux.output.offer(this);
  }

  /** Sends a head at once. False if it is longer than the peer takes; then nothing was sent. */
  head(pairs: readonly string[], info: boolean, end: boolean): boolean {
    if (this.closed) return true;
    const { writer, maxBlock } = this.#mux.output;
    const flags = (info ? infoFlag : 0) | (end ? endFlag : 0);
    if (!writePairsFrame(writer, this.id, flags, pairs, maxBlock)) return false;
    this.#mux.output.wake();
    if (end) this.endedLocally();
    return true;
  }

  /** It could write a frame now, if the connection can. Its end needs no credit. */
  get sendable(): boolean {
    return this.#queuedBytes > 0 ? this.credit > 0 : this.#ending && !this.localEnded && !this.closed;
  }

  /** Writes one frame, of at most so many bytes, and returns how many they were. Called by the connection. */
  writeFrame(maxBytes: number): number {
    const bytes = Math.min(maxBytes, this.credit, this.#queuedBytes);
    const isLast = this.#ending && bytes === this.#queuedBytes;
    const { writer, maxBlock } = this.#mux.output;
    if (bytes > 0 || (isLast && this.#trailers === undefined)) {
      const flags = isLast && this.#trailers === undefined ? endFlag : 0;
      this.#copy(writer.begin(frameType.data, flags, this.id, bytes), bytes, writer.slab);
    }
    if (!isLast) {
      this.listener.progress();
      return bytes;
    }
    if (this.#trailers !== undefined && !writePairsFrame(writer, this.id, endFlag, this.#trailers, maxBlock)) {
      this.#mux.fail(this, muxCode.frameSize, "the trailers are longer than the peer takes");
      return bytes;
    }
    this.listener.sent();
    this.endedLocally();
    return bytes;
  }

  #copy(start: number, bytes: number, slab: Buffer): void {
    let at = start;
    let left = bytes;
    this.credit -= bytes;
    this.#queuedBytes -= bytes;
    while (left > 0) {
      const first = this.#queue[this.#first] as Uint8Array;
      const here = first.byteLength - this.#offset;
      if (here <= left) {
        slab.set(this.#offset === 0 ? first : first.subarray(this.#offset), at);
        this.#shift();
        at += here;
        left -= here;
      } else {
        slab.set(first.subarray(this.#offset, this.#offset + left), at);
        this.#offset += left;
        left = 0;
      }
    }
  }

  /** Small pieces may be many, and an array is slow to give up its first. */
  #shift(): void {
    this.#offset = 0;
    if (++this.#first < this.#queue.length && this.#first < maxSent) return;
    this.#queue = this.#first === this.#queue.length ? none : this.#queue.slice(this.#first);
    this.#first = 0;
  }

  // ---- receiving

  /** Returns false when the peer had no credit for it. */
  received(chunk: Buffer): boolean {
    this.#window -= chunk.byteLength;
    if (this.#window < 0) return false;
    this.listener.data(chunk);
    this.#consumed += chunk.byteLength;
    this.#giveCredit();
    return true;
  }

  /** The application is behind: the peer gets no more credit. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#giveCredit();
  }

  #giveCredit(): void {
    if (this.#paused || this.closed || this.remoteEnded || this.#consumed < this.#halfWindow) return;
    this.#mux.output.writer.window(this.id, this.#consumed);
    this.#mux.output.wake();
    this.#window += this.#consumed;
    this.#consumed = 0;
  }

  // ---- its end

  /** This side has said all. */
  endedLocally(): void {
    this.localEnded = true;
    if (this.remoteEnded) this.#mux.forget(this);
  }

  /** The peer has said all. */
  endedRemotely(): void {
    this.remoteEnded = true;
    this.listener.ended();
    if (this.localEnded && !this.closed) this.#mux.forget(this);
  }

  /** Ends it before its end, for this side's own reasons: its listener hears nothing more. */
  reset(code: number, reason?: string): void {
    if (this.closed) return;
    this.#mux.output.writer.reset(this.id, code, reason);
    this.#mux.output.wake();
    this.#mux.gaveUp(this);
  }

  /** What came breaks the rules: it is reset, and its listener told. */
  fail(code: number, reason: string): void {
    this.#mux.fail(this, code, reason);
  }

  /** Called by the connection: nothing of it is left. */
  drop(): void {
    this.closed = true;
    this.#queue = none;
    this.#first = 0;
    this.#queuedBytes = 0;
  }
}
