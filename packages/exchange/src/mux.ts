import { type FrameSink, readFrames } from "./frame-reader.ts";
import { ackFlag, maxWindowBytes, muxCode, type Violation } from "./frames.ts";
import { BadBlock } from "./head.ts";
import { MuxOutput } from "./mux-output.ts";
import { MuxStream, type StreamListener } from "./mux-stream.ts";
import type { Pipe, PipeListener } from "./pipe.ts";
import { readSettings, type Settings } from "./settings.ts";
import { StreamIds } from "./stream-ids.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What one end does with a connection. */
export interface MuxOwner {
  /** The peer's settings are there, or have changed. */
  settled(peer: Settings): void;
  /** The peer opens a stream: who listens to it, or the code to reset it with. */
  opened(stream: MuxStream): StreamListener | number;
  /** The peer takes no new streams. Told before those that it refuses are. */
  goingAway(code: number, reason: string): void;
  /** A stream has closed. */
  left(): void;
  /** A stream of the peer's was reset before its end: by the peer, or for what the peer had sent. Told after `left`. */
  wasted(): void;
  /** The connection has ended, or is about to; `violation`: because of what the peer sent. Told before its streams are. */
  broken(error: Error | undefined, violation: boolean): void;
  /** Nothing is left of it. */
  ended(error: Error | undefined): void;
}

const tooMuch: Violation = { code: muxCode.overload, reason: "too many idle frames" };

/**
 * One connection of `holdfast.mux.v1` over a pipe, the same at both ends (PROTOCOL.md). Reads frames and gives them to
 * streams, whose own are sent by {@link MuxOutput}.
 *
 *     open ──► going away ──► closed
 *       └─────────┴── broken ───►
 */
export class Mux implements PipeListener, FrameSink {
  readonly output: MuxOutput;
  /** Of the peer's last message, on the clock of `performance.now()`. */
  heardAt = 0;
  /** The peer has sent its SETTINGS. */
  settled = false;
  /** Closed or broken. */
  over = false;
  readonly #pipe: Pipe;
  readonly #owner: MuxOwner;
  readonly #local: Settings;
  readonly #streams: Map<number, MuxStream> = new Map();
  readonly #ids: StreamIds;
  /** What costs the peer nothing: PING, SETTINGS, GOAWAY, empty DATA, streams that it may not open, RESETs of streams that have ended. */
  readonly #noise: TokenBucket = new TokenBucket(1_000, 200);
  /** What the peer may still send, over all streams. */
  #window: number;
  /** Since credit was given. */
  #arrived = 0;
  #sentGoAway = false;
  #heardGoAway = false;
  /** The pipe has ended. */
  #gone = false;

  /** `firstId` is odd at the asking end, even at the answering end. */
  constructor(pipe: Pipe, firstId: number, local: Settings, owner: MuxOwner) {
    this.#pipe = pipe;
    this.output = new MuxOutput(pipe, (error) => this.giveUp(error));
    this.#ids = new StreamIds(firstId);
    this.#local = local;
    this.#window = local.connectionWindow;
    this.#owner = owner;
  }

  /** Listens to the pipe, and says what the peer may do. */
  start(): void {
    this.output.writer.settings(this.#local);
    this.#pipe.start(this);
    this.output.flush();
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  /** A stream of this side's; its head is the caller's to write. Undefined when the connection takes no more. */
  open(listener: StreamListener): MuxStream | undefined {
    if (this.over || this.#heardGoAway || this.#pipe.open === false || !this.#ids.left) return undefined;
    const stream = new MuxStream(this.#ids.take(), this, this.output.peer.streamWindow, this.#local.streamWindow);
    stream.listener = listener;
    this.#streams.set(stream.id, stream);
    return stream;
  }

  /** Takes back a stream of which nothing was sent. */
  unopen(stream: MuxStream): void {
    stream.remoteEnded = true;
    this.#drop(stream);
  }

  /** Lets those that listen to streams see how these stand. False when none is open. */
  look(now: number): boolean {
    for (const stream of this.#streams.values()) stream.listener.look?.(now);
    return this.#streams.size > 0;
  }

  get hasIds(): boolean {
    return this.#ids.left;
  }

  ping(opaque: Uint8Array): void {
    this.output.writer.ping(0, opaque);
    this.output.wake();
  }

  /** Takes no new stream of the peer's. */
  goAway(code: number, reason: string): void {
    if (this.over || this.#sentGoAway) return;
    this.#sentGoAway = true;
    this.output.writer.goAway(this.#ids.lastAccepted, code, reason);
    this.output.wake();
  }

  /** Ends it in good order, with no stream open; what was written leaves before. */
  close(code: number, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.output.finish();
    this.#pipe.close(code, reason);
  }

  /** Ends it now, whatever it was doing. */
  giveUp(error: Error): void {
    if (!this.over) this.#fall(error, false);
    if (!this.#gone) this.#pipe.destroy(error);
  }

  /** Gives a connection up whose peer breaks the rules, or is too much. */
  violated({ code, reason }: Violation): void {
    if (this.over) return;
    this.output.writer.goAway(this.#ids.lastAccepted, code, reason);
    this.output.finish();
    this.#fall(new Error(`${reason} (code ${code})`), true);
    this.#pipe.close(1002, reason);
  }

  // ---- told by the pipe

  message(message: Uint8Array | string): void {
    if (this.over) return;
    this.heardAt = performance.now();
    if (typeof message === "string") return this.violated({ code: muxCode.protocol, reason: "a text message" });
    const violation = readFrames(
      Buffer.isBuffer(message) ? message : Buffer.from(message.buffer, message.byteOffset, message.byteLength),
      this,
    );
    if (violation !== undefined) this.violated(violation);
    else if (!this.over) this.#giveCredit();
  }

  closed(error?: Error): void {
    this.#gone = true;
    this.#fall(error, false);
    this.#owner.ended(error);
  }

  // ---- told by streams

  /** This side has reset it; its listener knows. */
  gaveUp(stream: MuxStream): void {
    this.#noteReset(stream);
    this.forget(stream);
  }

  /** It is closed, and its listener knows. */
  forget(stream: MuxStream): void {
    this.#drop(stream);
    this.#owner.left();
  }

  // ---- told by the reader of frames

  onData(id: number, payload: Buffer, isEnd: boolean): Violation | undefined {
    const bytes = payload.byteLength;
    if (bytes > this.#local.maxFrame) return { code: muxCode.frameSize, reason: "a DATA frame is too long" };
    if (bytes === 0 && !isEnd && this.#isTooMuch()) return tooMuch;
    this.#window -= bytes;
    if (this.#window < 0) return { code: muxCode.flowControl, reason: "DATA beyond the credit of the connection" };
    this.#arrived += bytes;
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#ids.strayed(id);
    if (stream.remoteEnded) return { code: muxCode.streamClosed, reason: "DATA behind the end of a stream" };
    if (bytes > 0 && !stream.received(owned(payload))) {
      this.fail(stream, muxCode.flowControl, "DATA beyond the credit of the stream");
      return undefined;
    }
    if (isEnd && !stream.closed) stream.endedRemotely();
    return undefined;
  }

  onHeaders(id: number, block: Buffer, isInfo: boolean, isEnd: boolean): Violation | undefined {
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      if (!this.#ids.open(id)) return this.#ids.strayed(id);
      const mayNot = this.#sentGoAway || this.#streams.size >= this.#local.maxStreams;
      if (mayNot && this.#isTooMuch()) return tooMuch;
      stream = this.#accept(id, mayNot);
      if (stream === undefined) return undefined;
    }
    if (stream.remoteEnded) return { code: muxCode.streamClosed, reason: "HEADERS behind the end of a stream" };
    if (block.byteLength > this.#local.maxBlock) {
      this.fail(stream, muxCode.frameSize, `a HEADERS block is longer than ${this.#local.maxBlock} bytes`);
      return undefined;
    }
    try {
      stream.listener.block(block, isInfo, isEnd);
    } catch (error) {
      if (!(error instanceof BadBlock)) throw error;
      this.fail(stream, muxCode.protocol, error.message);
      return undefined;
    }
    if (isEnd && !stream.closed) stream.endedRemotely();
    return undefined;
  }

  #accept(id: number, mayNot: boolean): MuxStream | undefined {
    const stream = new MuxStream(id, this, this.output.peer.streamWindow, this.#local.streamWindow);
    const listener = mayNot ? muxCode.refused : this.#owner.opened(stream);
    if (typeof listener === "number") {
      this.output.writer.reset(id, listener);
      this.output.wake();
      this.#ids.wasRefused(id);
      return undefined;
    }
    this.#ids.lastAccepted = id;
    stream.listener = listener;
    this.#streams.set(id, stream);
    return stream;
  }

  onReset(id: number, code: number, reason: string): Violation | undefined {
    if (this.#ids.isIdle(id)) return this.#ids.strayed(id);
    const stream = this.#streams.get(id);
    const isOurs = this.#ids.isOurs(id);
    if (stream === undefined) {
      // Two that cross each other are nobody's fault.
      const isFree = isOurs || this.#ids.mayCross(id);
      return !isFree && this.#isTooMuch() ? tooMuch : undefined;
    }
    stream.remoteEnded = true;
    this.#drop(stream);
    stream.listener.reset(code, reason, true);
    this.#owner.left();
    // A peer that ends what we asked for does no harm.
    if (!isOurs) this.#owner.wasted();
    return undefined;
  }

  onWindow(id: number, increment: number): Violation | undefined {
    if (increment === 0) return { code: muxCode.protocol, reason: "a WINDOW of nothing" };
    if (id === 0) {
      if (this.output.addCredit(increment, maxWindowBytes)) return undefined;
      return { code: muxCode.flowControl, reason: "too much credit" };
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#ids.isIdle(id) ? this.#ids.strayed(id) : undefined;
    stream.credit += increment;
    if (stream.credit > maxWindowBytes) this.fail(stream, muxCode.flowControl, "too much credit");
    else this.output.offer(stream);
    return undefined;
  }

  onGoAway(lastId: number, code: number, reason: string): Violation | undefined {
    if (this.#isTooMuch()) return tooMuch;
    this.#heardGoAway = true;
    this.#owner.goingAway(code, reason);
    for (const stream of [...this.#streams.values()]) {
      if (!this.#ids.isOurs(stream.id) || stream.id <= lastId || stream.closed) continue;
      this.#drop(stream);
      stream.listener.lost(true, undefined);
      this.#owner.left();
    }
    return undefined;
  }

  onSettings(payload: Buffer): Violation | undefined {
    if (this.#isTooMuch()) return tooMuch;
    const before = this.output.peer;
    const settings = readSettings(payload, this.settled ? before : undefined);
    if ("code" in settings) return settings;
    this.settled = true;
    this.output.peer = settings;
    const more = settings.streamWindow - before.streamWindow;
    let fits = this.output.addCredit(settings.connectionWindow - before.connectionWindow, maxWindowBytes);
    for (const stream of this.#streams.values()) {
      stream.credit += more;
      fits &&= stream.credit <= maxWindowBytes;
      this.output.offer(stream);
    }
    if (!fits) return { code: muxCode.flowControl, reason: "too much credit" };
    this.#owner.settled(settings);
    return undefined;
  }

  onPing(opaque: Buffer, isAnswer: boolean): Violation | undefined {
    // It was heard, which is all that we wanted to know.
    if (isAnswer) return undefined;
    if (this.#isTooMuch()) return tooMuch;
    this.output.writer.ping(ackFlag, opaque);
    this.output.wake();
    return undefined;
  }

  onUnknown(): Violation | undefined {
    return this.#isTooMuch() ? tooMuch : undefined;
  }

  // ---- what the above share

  /** A RESET by the peer may cross ours also where the peer had said all. */
  #noteReset({ id, remoteEnded }: MuxStream): void {
    if (remoteEnded && !this.#ids.isOurs(id)) this.#ids.wasResetEnded(id);
  }

  #drop(stream: MuxStream): void {
    stream.drop();
    this.#streams.delete(stream.id);
    if (!stream.remoteEnded) this.#ids.wasReset(stream.id);
  }

  /** What came, or was to be sent, breaks the rules on one stream; the others go on. */
  fail(stream: MuxStream, code: number, reason: string): void {
    if (stream.closed) return;
    this.output.writer.reset(stream.id, code, reason);
    this.output.wake();
    this.#noteReset(stream);
    this.#drop(stream);
    stream.listener.reset(code, reason, false);
    this.#owner.left();
    if (!this.#ids.isOurs(stream.id)) this.#owner.wasted();
  }

  /**
   * Credit of the connection comes back on arrival: it bounds what is on its way; a stream's bounds what is in memory. After
   * each message, because the peer could not know before.
   */
  #giveCredit(): void {
    if (this.#arrived < this.#local.connectionWindow / 2) return;
    this.output.writer.window(0, this.#arrived);
    this.output.wake();
    this.#window += this.#arrived;
    this.#arrived = 0;
  }

  #isTooMuch(): boolean {
    return !this.#noise.take(this.heardAt);
  }

  /** Nothing is sent or heard any more; its streams are lost. */
  #fall(error: Error | undefined, violation: boolean): void {
    this.over = true;
    this.output.end();
    this.#owner.broken(error, violation);
    for (const stream of [...this.#streams.values()]) {
      if (stream.closed) continue;
      this.#drop(stream);
      stream.listener.lost(false, error);
      this.#owner.left();
    }
  }
}

/** A small part of what came in one read would hold all of that in memory for as long as it is not read. */
function owned(payload: Buffer): Buffer {
  return payload.byteLength < payload.buffer.byteLength / 8 ? Buffer.from(payload) : payload;
}
