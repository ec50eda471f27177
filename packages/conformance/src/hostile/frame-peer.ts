import type { Socket } from "node:net";
import { ack, endHeaders, endStream, type Frame, frame, frames, headerBlock, uint } from "./frames.ts";
import { HeadReader } from "./head-reader.ts";
import { resetSocket } from "./reset-socket.ts";
import { Gone } from "./scripted-server.ts";
import { SendWindows } from "./send-windows.ts";

/** The head of a request. */
export interface FrameRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly stream: number;
  /** The connection that it came on, from 0. */
  readonly connection: number;
}

export interface FramePeerOptions {
  /** Sent as soon as the connection is there; `null` for never. */
  readonly settings?: Readonly<Record<number, number>> | null;
  /** Give back at once what a request's body took of the windows, default true. */
  readonly credit?: boolean;
  /** Answer PING, default true. */
  readonly pong?: boolean;
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/** The server's end of one connection: it reads frames, and writes exactly those it is told, besides SETTINGS and PING. */
export class FramePeer {
  readonly socket: Socket;
  /** From 0, in the order of accepting. */
  readonly index: number;
  /** All that came, in its order. */
  readonly received: Frame[] = [];
  readonly requests: FrameRequest[] = [];
  /** Settles when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #options: FramePeerOptions;
  readonly #windows: SendWindows = new SendWindows();
  readonly #heads: HeadReader = new HeadReader();
  readonly #wakes: Set<() => void> = new Set();
  #bytes: Buffer = Buffer.alloc(0);
  #greeted = false;
  #over = false;
  #mute: boolean;
  #taken = 0;

  constructor(socket: Socket, index: number, options: FramePeerOptions, onRequest: (request: FrameRequest) => void) {
    this.socket = socket;
    this.index = index;
    this.#options = options;
    // Whoever says nothing answers nothing.
    this.#mute = options.settings === null;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    const over = (): void => {
      this.#over = true;
      this.#heads.stop();
      this.#wake();
    };
    socket
      .on("data", (chunk: Buffer) => this.#read(chunk))
      .once("end", over)
      .once("close", over);
    this.#heads.onHead = (stream, headers) => {
      const request = {
        method: String(headers[":method"]),
        path: String(headers[":path"]),
        headers,
        stream,
        connection: index,
      };
      this.requests.push(request);
      onRequest(request);
      this.#wake();
    };
    if (options.settings !== null) void this.settings(options.settings ?? {});
  }

  // ---- what came

  /** Resolves with the first answer of `look` that is not undefined; asked whenever something has come. */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.#over) throw new Gone();
      await new Promise<void>((resolve) => this.#wakes.add(resolve));
    }
  }

  /** The next request that was not taken yet. Its body may still come. */
  request(): Promise<FrameRequest> {
    return this.until(() => (this.requests.length > this.#taken ? this.requests[this.#taken++] : undefined));
  }

  /** The first frame of this type, on this stream if one is given. */
  frame(type: number, stream?: number, flags = 0): Promise<Frame> {
    return this.until(() => this.all(type, stream).find((one) => (one.flags & flags) === flags));
  }

  all(type: number, stream?: number): Frame[] {
    return this.received.filter((one) => one.type === type && (stream === undefined || one.stream === stream));
  }

  /** Resolves when the request is whole, with its body. */
  async body({ stream }: FrameRequest): Promise<Buffer> {
    await this.until(() =>
      this.received.find((one) => one.stream === stream && one.type <= 1 && one.flags & endStream),
    );
    return Buffer.concat(this.all(frames.data, stream).map(({ payload }) => payload));
  }

  /** How much DATA the client gives room for on this stream. Nothing holds {@link data} to it. */
  room(stream: number): number {
    return this.#windows.room(stream);
  }

  /** The last value that the client has announced of a setting. */
  setting(id: number): number | undefined {
    let value: number | undefined;
    for (const { flags, payload } of this.all(frames.settings)) {
      if (flags & ack) continue;
      for (let at = 0; at + 6 <= payload.byteLength; at += 6)
        if (payload.readUInt16BE(at) === id) value = payload.readUInt32BE(at + 2);
    }
    return value;
  }

  // ---- what goes

  /** From now on nothing is answered by itself. */
  mute(): void {
    this.#mute = true;
  }

  /** Resolves when these bytes were handed to the kernel. */
  write(bytes: Uint8Array | string): Promise<void> {
    const sent = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    return new Promise((resolve) => this.socket.write(sent, () => resolve()));
  }

  send(type: number, stream: number, payload: Uint8Array = Buffer.alloc(0), flags = 0): Promise<void> {
    return this.write(frame(type, stream, payload, flags));
  }

  settings(values: Readonly<Record<number, number>>): Promise<void> {
    const payload = Buffer.concat(
      Object.entries(values).map(([id, value]) => Buffer.concat([uint(Number(id), 2), uint(value, 4)])),
    );
    return this.send(frames.settings, 0, payload);
  }

  headers(stream: number, fields: readonly (readonly [string, string])[], flags = 0): Promise<void> {
    return this.send(frames.headers, stream, headerBlock(fields), endHeaders | flags);
  }

  data(stream: number, body: Uint8Array | string, flags = 0): Promise<void> {
    const bytes = Buffer.from(body);
    this.#windows.sent(stream, bytes.byteLength);
    const parts: Buffer[] = [];
    for (let at = 0; at === 0 || at < bytes.byteLength; at += 16_384) {
      const last = at + 16_384 >= bytes.byteLength;
      parts.push(frame(frames.data, stream, bytes.subarray(at, at + 16_384), last ? flags : 0));
    }
    return this.write(Buffer.concat(parts));
  }

  /** A whole response. */
  async respond(stream: number, body: Uint8Array | string = "ok", status = 200): Promise<void> {
    await this.headers(stream, [[":status", String(status)]]);
    await this.data(stream, body, endStream);
  }

  resetStream(stream: number, code: number): Promise<void> {
    return this.send(frames.resetStream, stream, uint(code, 4));
  }

  goAway(lastStream: number, code = 0): Promise<void> {
    return this.send(frames.goAway, 0, Buffer.concat([uint(lastStream, 4), uint(code, 4)]));
  }

  /** Resolves when the client has answered, and so has read all that was sent before. */
  async ping(): Promise<void> {
    const answered = this.all(frames.ping).length;
    await this.send(frames.ping, 0, Buffer.alloc(8));
    await this.until(() =>
      this.all(frames.ping)
        .slice(answered)
        .find(({ flags }) => flags & ack),
    );
  }

  windowUpdate(stream: number, bytes: number): Promise<void> {
    return this.send(frames.windowUpdate, stream, uint(bytes, 4));
  }

  /** Ends with FIN. */
  fin(): void {
    this.socket.end();
  }

  /** Ends with RST, beneath TLS if there is some. */
  reset(): void {
    resetSocket(this.socket);
  }

  // ---- inside

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (!this.#greeted && this.#bytes.byteLength >= preface.length) {
      this.#greeted = true;
      this.#bytes = this.#bytes.subarray(preface.length);
    }
    while (this.#greeted && this.#bytes.byteLength >= 9) {
      const end = 9 + this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.byteLength < end) break;
      const [type, flags] = [this.#bytes.readUInt8(3), this.#bytes.readUInt8(4)];
      const stream = this.#bytes.readUInt32BE(5) & 0x7fff_ffff;
      this.#take({ type, flags, stream, payload: this.#bytes.subarray(9, end) });
      this.#bytes = this.#bytes.subarray(end);
    }
    this.#wake();
  }

  #take(one: Frame): void {
    const { type, flags, stream, payload } = one;
    this.received.push(one);
    this.#windows.received(one);
    if (type === frames.headers || type === frames.continuation) this.#heads.take(one);
    if (this.#mute) return;
    if (type === frames.settings && !(flags & ack)) void this.send(frames.settings, 0, undefined, ack);
    if (type === frames.ping && !(flags & ack) && this.#options.pong !== false)
      void this.send(frames.ping, 0, payload, ack);
    if (type === frames.data && payload.byteLength > 0 && this.#options.credit !== false) {
      void this.windowUpdate(0, payload.byteLength);
      if (!(flags & endStream)) void this.windowUpdate(stream, payload.byteLength);
    }
  }

  #wake(): void {
    const wakes = [...this.#wakes];
    this.#wakes.clear();
    for (const wake of wakes) wake();
  }
}
