import { type FrameSink, readFrames } from "./frame-reader.ts";
import { ackFlag, maxWindowBytes, muxCode, type Violation } from "./frames.ts";
import { BadBlock } from "./head.ts";
import { MuxOutput } from "./mux-output.ts";
import { MuxStream, type StreamListener } from "./mux-stream.ts";
import type { Pipe, PipeListener } from "./pipe.ts";
import { ResetStreams } from "./reset-streams.ts";
import { readSettings, type Settings } from "./settings.ts";
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
  /** The connection has ended, or is about to; `violation`: because of what the peer sent. Told before its streams are. */
  broken(error: Error | undefined, violation: boolean): void;
  /** Nothing is left of it. */
  ended(error: Error | undefined): void;
}

const maxStreamId = 2 ** 32 - 2;

/**
 * One connection of `holdfast.mux.v1` over a pipe, the same at both ends (PROTOCOL.md). Reads frames and gives them to
 * streams, whose own are sent by {@link MuxOutput}.
 *
 *     open ──► going away ──► closed
 *       └──────── broken ──────►
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
  readonly #reset: ResetStreams = new ResetStreams();
  /** Frames that cost the peer nothing: PING, SETTINGS, empty DATA, RESET. */
  readonly #noise: TokenBucket = new TokenBucket(1_000, 200);
  #nextId: number;
  #lastPeerId = 0;
  #window: number;
  #consumed = 0;
  #sentGoAway = false;

  constructor(pipe: Pipe, side: "client" | "server", local: Settings, owner: MuxOwner) {
    this.#pipe = pipe;
    this.output = new MuxOutput(pipe, (error) => this.giveUp(error));
    this.#nextId = side === "client" ? 1 : 2;
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

  /** A stream of this side's; its head is the caller's to write. Undefined when ids have run out, or it is over. */
  open(listener: StreamListener): MuxStream | undefined {
    if (this.over || this.#nextId > maxStreamId) return undefined;
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new MuxStream(id, this, this.output.peer.streamWindow, this.#local.streamWindow);
    stream.listener = listener;
    this.#streams.set(id, stream);
    return stream;
  }

  /** Takes back a stream of which nothing was sent. */
  unopen(stream: MuxStream): void {
    stream.remoteEnded = true;
    this.#drop(stream);
  }

  get hasIds(): boolean {
    return this.#nextId <= maxStreamId;
  }

  ping(opaque: Uint8Array): void {
    this.output.writer.ping(0, opaque);
    this.output.wake();
  }

  /** Takes no new stream of the peer's. */
  goAway(code: number, reason: string): void {
    if (this.over || this.#sentGoAway) return;
    this.#sentGoAway = true;
    this.output.writer.goAway(this.#lastPeerId, code, reason);
    this.output.wake();
  }

  /** Ends it in good order; what was written leaves before. */
  close(code: number, reason: string): void {
    if (this.over) return;
    this.output.flush();
    this.#end();
    this.#pipe.close(code, reason);
  }

  destroy(reason: unknown): void {
    this.#end();
    this.#pipe.destroy(reason);
  }

  /** Gives a connection up whose peer has stopped reading, or answering. */
  giveUp(error: Error): void {
    if (this.over) return;
    this.#end();
    this.#owner.broken(error, false);
    this.#loseAll(error);
    this.#pipe.destroy(error);
  }

  /** Gives a connection up whose peer breaks the rules, or is too much. */
  violated({ code, reason }: Violation): void {
    if (this.over) return;
    this.output.writer.goAway(this.#lastPeerId, code, reason);
    this.output.flush();
    this.#end();
    this.#pipe.close(1002, reason);
    const error = new Error(`${reason} (code ${code})`);
    this.#owner.broken(error, true);
    this.#loseAll(error);
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
  }

  closed(error?: Error): void {
    this.#end();
    this.#owner.broken(error, false);
    this.#loseAll(error);
    this.#owner.ended(error);
  }

  // ---- told by streams

  /** It is closed, and its listener knows. */
  forget(stream: MuxStream): void {
    this.#drop(stream);
    this.#owner.left();
  }

  // ---- told by the reader of frames

  onData(id: number, payload: Buffer, isEnd: boolean, messageBytes: number): Violation | undefined {
    const bytes = payload.byteLength;
    if (bytes > this.#local.maxFrame) return { code: muxCode.frameSize, reason: "a DATA frame is too long" };
    if (bytes === 0 && !isEnd) {
      const tooMuch = this.#tooMuch();
      if (tooMuch !== undefined) return tooMuch;
    }
    this.#window -= bytes;
    if (this.#window < 0) return { code: muxCode.flowControl, reason: "DATA beyond the credit of the connection" };
    this.#giveCredit(bytes);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#unknown(id);
    if (stream.remoteEnded) return { code: muxCode.streamClosed, reason: "DATA behind the end of a stream" };
    if (bytes > 0 && !stream.received(owned(payload, messageBytes))) {
      this.fail(stream, muxCode.flowControl, "DATA beyond the credit of the stream");
      return undefined;
    }
    if (isEnd && !stream.closed) stream.endedRemotely();
    return undefined;
  }

  onHeaders(id: number, block: Buffer, isInfo: boolean, isEnd: boolean): Violation | undefined {
    let stream = this.#streams.get(id);
    if (stream === undefined) {
      if (this.#isOurs(id) || id <= this.#lastPeerId) return this.#unknown(id);
      this.#lastPeerId = id;
      stream = this.#accept(id);
      if (stream === undefined) return undefined;
    }
    if (stream.remoteEnded) return { code: muxCode.streamClosed, reason: "HEADERS behind the end of a stream" };
    if (block.byteLength > this.#local.maxBlock) {
      this.fail(stream, muxCode.frameSize, "a HEADERS block is too long");
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

  #accept(id: number): MuxStream | undefined {
    const stream = new MuxStream(id, this, this.output.peer.streamWindow, this.#local.streamWindow);
    const full = this.#sentGoAway || this.#streams.size >= this.#local.maxStreams;
    const listener = full ? muxCode.refused : this.#owner.opened(stream);
    if (typeof listener === "number") {
      this.output.writer.reset(id, listener);
      this.output.wake();
      this.#reset.add(id);
      return undefined;
    }
    stream.listener = listener;
    this.#streams.set(id, stream);
    return stream;
  }

  onReset(id: number, code: number, reason: string): Violation | undefined {
    const stream = this.#streams.get(id);
    if (this.#isIdle(id)) return this.#unknown(id);
    if (!this.#isOurs(id)) {
      const tooMuch = this.#tooMuch();
      if (tooMuch !== undefined) return tooMuch;
    }
    if (stream === undefined) return undefined;
    stream.remoteEnded = true;
    this.#drop(stream);
    stream.listener.reset(code, reason, true);
    this.#owner.left();
    return undefined;
  }

  onWindow(id: number, increment: number): Violation | undefined {
    if (increment === 0) return { code: muxCode.protocol, reason: "a WINDOW of nothing" };
    if (id === 0) {
      if (this.output.addCredit(increment, maxWindowBytes)) return undefined;
      return { code: muxCode.flowControl, reason: "too much credit" };
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#isIdle(id) ? this.#unknown(id) : undefined;
    stream.credit += increment;
    if (stream.credit > maxWindowBytes) this.fail(stream, muxCode.flowControl, "too much credit");
    else this.output.offer(stream);
    return undefined;
  }

  onGoAway(lastId: number, code: number, reason: string): Violation | undefined {
    this.#owner.goingAway(code, reason);
    for (const stream of [...this.#streams.values()]) {
      if (!this.#isOurs(stream.id) || stream.id <= lastId || stream.closed) continue;
      this.#drop(stream);
      stream.listener.lost(true, undefined);
      this.#owner.left();
    }
    return undefined;
  }

  onSettings(payload: Buffer): Violation | undefined {
    const tooMuch = this.#tooMuch();
    if (tooMuch !== undefined) return tooMuch;
    const before = this.output.peer;
    const settings = readSettings(payload, this.settled ? before : undefined);
    if ("code" in settings) return settings;
    this.settled = true;
    this.output.peer = settings;
    this.output.addCredit(settings.connectionWindow - before.connectionWindow, Infinity);
    const more = settings.streamWindow - before.streamWindow;
    for (const stream of this.#streams.values()) {
      stream.credit += more;
      this.output.offer(stream);
    }
    this.#owner.settled(settings);
    return undefined;
  }

  onPing(opaque: Buffer, isAnswer: boolean): Violation | undefined {
    // It was heard, which is all that we wanted to know.
    if (isAnswer) return undefined;
    const tooMuch = this.#tooMuch();
    if (tooMuch !== undefined) return tooMuch;
    this.output.writer.ping(ackFlag, opaque);
    this.output.wake();
    return undefined;
  }

  onUnknown(): Violation | undefined {
    return this.#tooMuch();
  }

  // ---- what the above share

  #drop(stream: MuxStream): void {
    stream.drop();
    this.#streams.delete(stream.id);
    if (!stream.remoteEnded) this.#reset.add(stream.id);
  }

  #end(): void {
    this.over = true;
    this.output.end();
  }

  /** What came, or was to be sent, breaks the rules on one stream; the others go on. */
  fail(stream: MuxStream, code: number, reason: string): void {
    if (stream.closed) return;
    this.output.writer.reset(stream.id, code, reason);
    this.output.wake();
    this.#drop(stream);
    stream.listener.reset(code, reason, false);
    this.#owner.left();
  }

  /** Credit of the connection comes back on arrival: it bounds what is on its way; a stream's bounds what is in memory. */
  #giveCredit(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < this.#local.connectionWindow / 2) return;
    this.output.writer.window(0, this.#consumed);
    this.output.wake();
    this.#window += this.#consumed;
    this.#consumed = 0;
  }

  /** A frame of a stream that is not there. */
  #unknown(id: number): Violation | undefined {
    if (this.#isIdle(id)) return { code: muxCode.protocol, reason: "a frame of a stream that nobody opened" };
    if (this.#reset.has(id)) return undefined;
    return { code: muxCode.streamClosed, reason: "a frame of a closed stream" };
  }

  #isOurs(id: number): boolean {
    return (id & 1) === (this.#nextId & 1);
  }

  #isIdle(id: number): boolean {
    return this.#isOurs(id) ? id >= this.#nextId : id > this.#lastPeerId;
  }

  #tooMuch(): Violation | undefined {
    return this.#noise.take(this.heardAt) ? undefined : { code: muxCode.overload, reason: "too many idle frames" };
  }

  #loseAll(error: Error | undefined): void {
    for (const stream of [...this.#streams.values()]) {
      if (stream.closed) continue;
      this.#drop(stream);
      stream.listener.lost(false, error);
      this.#owner.left();
    }
  }
}

/** A small part of a large message would hold all of it in memory for as long as it is not read. */
function owned(payload: Buffer, messageBytes: number): Buffer {
  return messageBytes > 16_384 && payload.byteLength < messageBytes / 8 ? Buffer.from(payload) : payload;
}
