import type { MessagePipe } from "./message-pipe.ts";
import {
  muxAck,
  muxBlock,
  muxCodes,
  muxEnd,
  type MuxField,
  muxFrame,
  type MuxFrame,
  muxFrames,
  muxLeastWindowBytes,
  muxSetting,
  readMuxBlock,
  readMuxFrames,
} from "./mux-frames.ts";
import { Gone } from "./scripted-server.ts";
import { uint } from "./frames.ts";

/** One request as it comes. */
export interface MuxRequest {
  readonly stream: number;
  readonly head: readonly MuxField[];
  /** What of its body has come and nobody took. */
  readonly chunks: readonly Buffer[];
  /** Of its body, so far. */
  readonly receivedBytes: number;
  readonly ended: boolean;
  readonly trailers: readonly MuxField[];
  /** The client has given it up, or the connection is gone. */
  readonly over: boolean;
}

export interface MuxPeerOptions {
  /** Sent at once. */
  readonly settings?: Readonly<Record<number, number>>;
  /** Give back at once what a request's body took of its stream's window, default true. The connection's always is. */
  readonly credit?: boolean;
  /** Told of each head. */
  readonly onRequest?: (request: MuxRequest) => void;
}

type Stream = { -readonly [K in keyof MuxRequest]: MuxRequest[K] } & { chunks: Buffer[]; room: number };

/**
 * The answering end of `holdfast.mux.v1`, by hand from its specification: it reads frames, and writes those that it is told,
 * besides SETTINGS, PING and the credit of the connection. It shares nothing with `@holdfast/exchange`, which it tests.
 */
export class MuxPeer {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #closed: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #pipe: MessagePipe;
  readonly #options: MuxPeerOptions;
  readonly #streams: Map<number, Stream> = new Map();
  readonly #wakes: Set<() => void> = new Set();
  #over = false;
  #lastStream = 0;
  #pongs = 0;
  // What the client lets this side send.
  #streamWindow = muxLeastWindowBytes;
  #connectionRoom = muxLeastWindowBytes;
  #connectionWindow = muxLeastWindowBytes;
  #maxFrame = 16_384;

  constructor(pipe: MessagePipe, options: MuxPeerOptions = {}) {
    this.#pipe = pipe;
    this.#options = options;
    this.closed = this.#closed.promise;
    void this.settings(options.settings ?? {});
    pipe.start({ message: (message) => this.#message(message), closed: () => this.#end() });
  }

  // ---- what came

  get over(): boolean {
    return this.#over;
  }

  /** Streams that were not forgotten. */
  get openStreams(): number {
    return this.#streams.size;
  }

  /** The last stream that was opened. */
  get lastStream(): number {
    return this.#lastStream;
  }

  /** Resolves with the first answer of `look` that is not undefined; asked whenever something has come. */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#over) throw new Gone();
      await new Promise<void>((resolve) => this.#wakes.add(resolve));
    }
  }

  /** How much of a body the client takes now. */
  room(stream: number): number {
    return Math.max(0, Math.min(this.#connectionRoom, this.#streams.get(stream)?.room ?? 0));
  }

  /** Takes what has come of a body out of its request. */
  take(stream: number): Buffer | undefined {
    return this.#streams.get(stream)?.chunks.shift();
  }

  /** Nothing is kept of it; what still comes is passed over. */
  forget(stream: number): void {
    this.#streams.delete(stream);
  }

  // ---- what goes

  /** Resolves when the message has left. */
  send(type: number, stream: number, payload?: Uint8Array, flags = 0): Promise<void> {
    return this.write(muxFrame(type, stream, payload, flags));
  }

  /** A message of these bytes. */
  write(message: Uint8Array): Promise<void> {
    return new Promise((resolve) => (this.#over ? resolve() : this.#pipe.send(message, resolve)));
  }

  settings(values: Readonly<Record<number, number>>): Promise<void> {
    const entries = Object.entries(values).map(([id, value]) => Buffer.concat([uint(Number(id), 2), uint(value, 4)]));
    return this.send(muxFrames.settings, 0, Buffer.concat(entries));
  }

  headers(stream: number, fields: Iterable<MuxField>, flags = 0): Promise<void> {
    return this.send(muxFrames.headers, stream, muxBlock(fields), flags);
  }

  /** Sends all of it, whether there is room or not, in frames that the client takes. */
  async data(stream: number, bytes: Uint8Array, flags = 0): Promise<void> {
    const one = this.#streams.get(stream);
    if (one !== undefined) one.room -= bytes.byteLength;
    this.#connectionRoom -= bytes.byteLength;
    const parts: Buffer[] = [];
    for (let at = 0; at === 0 || at < bytes.byteLength; at += this.#maxFrame) {
      const end = at + this.#maxFrame;
      const isLast = end >= bytes.byteLength;
      parts.push(muxFrame(muxFrames.data, stream, bytes.subarray(at, end), isLast ? flags : 0));
    }
    await this.write(Buffer.concat(parts));
  }

  reset(stream: number, code: number): Promise<void> {
    return this.send(muxFrames.reset, stream, uint(code, 4));
  }

  window(stream: number, bytes: number): Promise<void> {
    return this.send(muxFrames.window, stream, uint(bytes, 4));
  }

  goAway(lastStream: number, code: number = muxCodes.none): Promise<void> {
    return this.send(muxFrames.goAway, 0, Buffer.concat([uint(lastStream, 4), uint(code, 4)]));
  }

  /** Resolves when the client has answered, and so has read all that was sent before. */
  async ping(): Promise<void> {
    const before = this.#pongs;
    await this.send(muxFrames.ping, 0, Buffer.alloc(8));
    await this.until(() => (this.#pongs > before ? true : undefined));
  }

  /** Ends the connection in good order. */
  close(code = 1000): void {
    this.#pipe.close(code, "");
  }

  // ---- inside

  #message(message: Uint8Array | string): void {
    if (typeof message === "string") throw new TypeError("a text message came");
    for (const one of readMuxFrames(Buffer.from(message))) this.#take(one);
    this.#wake();
  }

  #end(): void {
    this.#over = true;
    for (const stream of this.#streams.values()) stream.over = true;
    this.#closed.resolve();
    this.#wake();
  }

  #take({ type, flags, stream, payload }: MuxFrame): void {
    switch (type) {
      case muxFrames.settings:
        return this.#settle(payload);
      case muxFrames.ping:
        if (flags & muxAck) this.#pongs++;
        else void this.send(muxFrames.ping, 0, payload, muxAck);
        return;
      case muxFrames.headers:
        return this.#head(stream, payload, (flags & muxEnd) !== 0);
      case muxFrames.data:
        return this.#data(stream, payload, (flags & muxEnd) !== 0);
      case muxFrames.window:
        return this.#credit(stream, payload.readUInt32BE(0));
      case muxFrames.reset: {
        const one = this.#streams.get(stream);
        if (one !== undefined) one.over = true;
        return;
      }
      default:
    }
  }

  #settle(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.byteLength; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      const id = payload.readUInt16BE(at);
      if (id === muxSetting.streamWindow) {
        for (const one of this.#streams.values()) one.room += value - this.#streamWindow;
        this.#streamWindow = value;
      } else if (id === muxSetting.connectionWindow) {
        this.#connectionRoom += value - this.#connectionWindow;
        this.#connectionWindow = value;
      } else if (id === muxSetting.maxFrame) {
        this.#maxFrame = value;
      }
    }
  }

  #head(id: number, block: Buffer, isEnd: boolean): void {
    const known = this.#streams.get(id);
    if (known !== undefined) {
      known.trailers = readMuxBlock(block);
      known.ended ||= isEnd;
      return;
    }
    // Trailers of a stream that nobody listens to any more.
    if (id <= this.#lastStream) return;
    this.#lastStream = id;
    const stream: Stream = {
      stream: id,
      head: readMuxBlock(block),
      chunks: [],
      receivedBytes: 0,
      ended: isEnd,
      trailers: [],
      over: false,
      room: this.#streamWindow,
    };
    this.#streams.set(id, stream);
    this.#options.onRequest?.(stream);
  }

  #data(id: number, payload: Buffer, isEnd: boolean): void {
    const { byteLength } = payload;
    const stream = this.#streams.get(id);
    if (byteLength > 0) void this.window(0, byteLength);
    if (stream === undefined) return;
    stream.ended ||= isEnd;
    if (byteLength === 0) return;
    stream.chunks.push(payload);
    stream.receivedBytes += byteLength;
    if (this.#options.credit !== false && !isEnd) void this.window(id, byteLength);
  }

  #credit(id: number, bytes: number): void {
    const stream = this.#streams.get(id);
    if (id === 0) this.#connectionRoom += bytes;
    else if (stream !== undefined) stream.room += bytes;
  }

  #wake(): void {
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) wake();
  }
}
