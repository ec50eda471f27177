import { frameType, headerBytes } from "./frames.ts";
import { type Settings, settingsBytes, writeSettings } from "./settings.ts";

const slabBytes = 65_536;
/** A slab with less room than this is not worth keeping. */
const leastBytes = 4_096;
const none: Buffer = Buffer.alloc(0);

/** A part of a slab that no connection is writing to. Shared by all, so that an idle connection holds no memory for output. */
let spare: { readonly slab: Buffer; readonly at: number } | undefined;

/**
 * The frames of one connection's turn, written one behind the other into as few messages as they fit. Between turns it
 * holds nothing.
 */
export class FrameWriter {
  /** What the frames of this turn are written to. */
  slab: Buffer = none;
  #start = 0;
  #at = 0;
  /** Messages that were full before the turn ended. */
  #full: Buffer[] = [];
  #fullBytes = 0;

  /** Written and not taken. */
  get bytes(): number {
    return this.#fullBytes + this.#at - this.#start;
  }

  /** Starts a frame and makes room for all of it. The caller writes the payload to `slab`, from the place that is returned. */
  begin(type: number, flags: number, stream: number, payloadBytes: number): number {
    const bytes = headerBytes + payloadBytes;
    if (this.slab.byteLength - this.#at < bytes) this.#makeRoom(bytes);
    const at = this.#at;
    writeHeader(this.slab, at, type, flags, stream, payloadBytes);
    this.#at = at + bytes;
    return at + headerBytes;
  }

  data(flags: number, stream: number, payload: Uint8Array): void {
    const at = this.begin(frameType.data, flags, stream, payload.byteLength);
    this.slab.set(payload, at);
  }

  window(stream: number, increment: number): void {
    const at = this.begin(frameType.window, 0, stream, 4);
    this.slab.writeUInt32BE(increment, at);
  }

  reset(stream: number, code: number, reason: string = ""): void {
    const text = Buffer.from(reason);
    const at = this.begin(frameType.reset, 0, stream, 4 + text.byteLength);
    this.slab.writeUInt32BE(code, at);
    this.slab.set(text, at + 4);
  }

  goAway(lastStream: number, code: number, reason: string): void {
    const text = Buffer.from(reason);
    const at = this.begin(frameType.goAway, 0, 0, 8 + text.byteLength);
    this.slab.writeUInt32BE(lastStream, at);
    this.slab.writeUInt32BE(code, at + 4);
    this.slab.set(text, at + 8);
  }

  settings(settings: Settings): void {
    const at = this.begin(frameType.settings, 0, 0, settingsBytes);
    writeSettings(settings, this.slab, at);
  }

  ping(flags: number, opaque: Uint8Array): void {
    const at = this.begin(frameType.ping, flags, 0, 8);
    this.slab.set(opaque, at);
  }

  /** The messages of this turn, for the pipe. */
  take(): readonly Buffer[] {
    const messages = this.#full;
    const { slab } = this;
    if (this.#at > this.#start) messages.push(slab.subarray(this.#start, this.#at));
    if (spare === undefined && slab.byteLength - this.#at >= leastBytes) spare = { slab, at: this.#at };
    this.slab = none;
    this.#full = [];
    this.#fullBytes = this.#start = this.#at = 0;
    return messages;
  }

  #makeRoom(bytes: number): void {
    if (this.#at > this.#start) {
      this.#full.push(this.slab.subarray(this.#start, this.#at));
      this.#fullBytes += this.#at - this.#start;
    }
    if (spare !== undefined && spare.slab.byteLength - spare.at >= bytes) {
      this.#start = this.#at = spare.at;
      this.slab = spare.slab;
      spare = undefined;
    } else {
      this.#start = this.#at = 0;
      this.slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes));
    }
  }
}

function writeHeader(slab: Buffer, at: number, type: number, flags: number, stream: number, length: number): void {
  slab[at] = length >>> 16;
  slab[at + 1] = length >>> 8;
  slab[at + 2] = length;
  slab[at + 3] = (type << 4) | flags;
  slab[at + 4] = stream >>> 24;
  slab[at + 5] = stream >>> 16;
  slab[at + 6] = stream >>> 8;
  slab[at + 7] = stream;
}
