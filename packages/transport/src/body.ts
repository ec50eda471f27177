import { checkNumber } from "./check-request.ts";
import type { TransportError } from "./error.ts";
import type { CollectOptions, ResponseBody } from "./response.ts";

/** What a body asks of the adapter that fills it. */
export interface BodySource {
  /** The reader is behind: let the peer wait. */
  pause(): void;
  resume(): void;
  /** The reader gave up before the end; nothing that is pushed from now on is kept. */
  cancel(reason: unknown): void;
  /** What `bytes()`, `text()` and `json()` collect at most if the caller does not say. */
  readonly maxBytes: number;
  /** The error for a body that is longer than `maxBytes`. */
  tooLong(maxBytes: number): TransportError;
}

type Waiter = {
  /** Held while somebody waits for it, so that it is not taken for thrown away. */
  readonly reader: BodyReader;
  readonly resolve: (result: IteratorResult<Uint8Array, undefined>) => void;
  readonly reject: (error: unknown) => void;
};
type Collector = {
  readonly maxBytes: number;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
};

/** Above this a body asks its source to pause, below a quarter of it to resume. */
const highWaterBytes = 65_536;
const lowWaterBytes = highWaterBytes / 4;

/** Behind so many chunks that wait, small ones are joined: an object for each would take a hundred times their bytes. */
const maxApart = 64;
const smallBytes = 1_024;
const blockBytes = 4_096;

/** The chunks of every body that has none, so that a list is made only where it is needed. Never written to. */
const none: Uint8Array[] = [];

/**
 * The adapter's end of a response body: push chunks, then `end()` or `fail()` once. It does not know its reader, so a
 * reader that is thrown away can be noticed.
 *
 *     open ──► ended
 *      │ ────► failed       what was pushed before is still read
 *      └─────► cancelled    what is pushed is dropped
 */
export class BodyBuffer {
  state: "open" | "ended" | "failed" | "cancelled" = "open";
  used = false;
  #source: BodySource;
  #chunks: Uint8Array[] = none;
  #bytes = 0;
  /** What the last chunk is the beginning of, if others are being joined to it. */
  #block: Uint8Array | undefined;
  #paused = false;
  #error: unknown;
  #waiter: Waiter | undefined;
  #collector: Collector | undefined;

  constructor(source: BodySource) {
    this.#source = source;
  }

  push(chunk: Uint8Array): void {
    // Empty chunks would pile up unseen by the bound on bytes, and a byte stream cannot carry them.
    if (this.state !== "open" || chunk.byteLength === 0) return;
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#waiter = undefined;
      waiter.resolve({ done: false, value: chunk });
      return;
    }
    if (this.#chunks === none) this.#chunks = [chunk];
    else if (this.#chunks.length < maxApart || chunk.byteLength >= smallBytes) this.#append(chunk);
    else this.#join(chunk);
    this.#bytes += chunk.byteLength;
    const collector = this.#collector;
    if (collector !== undefined) {
      if (this.#bytes > collector.maxBytes) this.#overflow(collector);
    } else if (this.#bytes >= highWaterBytes && !this.#paused) {
      this.#paused = true;
      this.#source.pause();
    }
  }

  end(): void {
    if (this.state !== "open") return;
    this.state = "ended";
    this.#waiter?.resolve({ done: true, value: undefined });
    this.#waiter = undefined;
    this.#collector?.resolve(this.#take());
    this.#collector = undefined;
  }

  fail(error: unknown): void {
    if (this.state !== "open") return;
    this.state = "failed";
    this.#error = error;
    this.#waiter?.reject(error);
    this.#waiter = undefined;
    this.#collector?.reject(error);
    this.#collector = undefined;
  }

  /** For the reader: the next chunk, or how the body ended. */
  next(reader: BodyReader): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#chunks.length > 0) {
      const value = this.#chunks.shift() as Uint8Array;
      if (this.#chunks.length === 0) this.#block = undefined;
      this.#bytes -= value.byteLength;
      if (this.#paused && this.#bytes <= lowWaterBytes) this.#unpause();
      return Promise.resolve({ done: false, value });
    }
    if (this.state === "failed") return Promise.reject(this.#error);
    if (this.state !== "open") return Promise.resolve({ done: true, value: undefined });
    if (this.#waiter !== undefined) return Promise.reject(new TypeError("the body is being read already"));
    return new Promise((resolve, reject) => {
      this.#waiter = { reader, resolve, reject };
    });
  }

  /** For the reader: everything, up to a limit. */
  collect(maxBytes: number = this.#source.maxBytes): Promise<Uint8Array> {
    if (this.state === "failed") return Promise.reject(this.#error);
    if (this.#bytes > maxBytes) {
      return new Promise((resolve, reject) => this.#overflow({ maxBytes, resolve, reject }));
    }
    if (this.state !== "open") return Promise.resolve(this.#take());
    return new Promise((resolve, reject) => {
      this.#collector = { maxBytes, resolve, reject };
      if (this.#paused) this.#unpause();
    });
  }

  /** For the reader: no more, please. */
  cancel(reason: unknown): void {
    this.used = true;
    const open = this.state === "open";
    if (open || this.state === "failed") this.state = "cancelled";
    this.#drop();
    this.#waiter?.resolve({ done: true, value: undefined });
    this.#waiter = undefined;
    this.#collector?.reject(reason);
    this.#collector = undefined;
    if (open) this.#source.cancel(reason);
  }

  #append(chunk: Uint8Array): void {
    this.#block = undefined;
    this.#chunks.push(chunk);
  }

  /** Copies a small chunk behind the one before it. What is read is a part of a block that nobody else has. */
  #join(chunk: Uint8Array): void {
    const last = this.#chunks.length - 1;
    const used = this.#block === undefined ? 0 : (this.#chunks[last] as Uint8Array).byteLength;
    if (this.#block === undefined || used + chunk.byteLength > blockBytes) {
      const block = new Uint8Array(blockBytes);
      block.set(chunk);
      this.#chunks.push(block.subarray(0, chunk.byteLength));
      this.#block = block;
      return;
    }
    this.#block.set(chunk, used);
    this.#chunks[last] = this.#block.subarray(0, used + chunk.byteLength);
  }

  #unpause(): void {
    this.#paused = false;
    if (this.state === "open") this.#source.resume();
  }

  #overflow(collector: Collector): void {
    const error = this.#source.tooLong(collector.maxBytes);
    collector.reject(error);
    this.#collector = undefined;
    this.cancel(error);
  }

  #take(): Uint8Array {
    const chunks = this.#chunks;
    // A copy would cost more than all the rest of a small body.
    const bytes = chunks.length === 1 ? (chunks[0] as Uint8Array) : joined(chunks, this.#bytes);
    this.#drop();
    return bytes;
  }

  #drop(): void {
    this.#chunks = none;
    this.#bytes = 0;
    this.#block = undefined;
  }
}

function joined(chunks: readonly Uint8Array[], byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return bytes;
}

const decoder: TextDecoder = new TextDecoder();

/** The caller's end of a {@link BodyBuffer}. */
export class BodyReader implements ResponseBody {
  readonly #buffer: BodyBuffer;

  constructor(buffer: BodyBuffer) {
    this.#buffer = buffer;
  }

  get used(): boolean {
    return this.#buffer.used;
  }

  async bytes(options?: CollectOptions): Promise<Uint8Array> {
    // Awaited here, so that the pending call holds the body, as a stream does.
    return await this.#collect(options?.maxBytes);
  }

  async text(options?: CollectOptions): Promise<string> {
    return decoder.decode(await this.#collect(options?.maxBytes));
  }

  async json(options?: CollectOptions): Promise<unknown> {
    return JSON.parse(await this.text(options)) as unknown;
  }

  stream(): ReadableStream<Uint8Array> {
    this.#use();
    const buffer = this.#buffer;
    return new ReadableStream({
      type: "bytes",
      pull: async (controller): Promise<void> => {
        const { done, value } = await buffer.next(this);
        if (!done) {
          // A byte stream takes the chunk's whole buffer away; ours may be a view on one that others share.
          controller.enqueue(new Uint8Array(value));
          return;
        }
        controller.close();
        controller.byobRequest?.respond(0);
      },
      // The stream holds the body, so that reading keeps it from being taken for thrown away.
      cancel: (reason) => this.cancel(reason),
    });
  }

  cancel(reason?: unknown): Promise<void> {
    this.#buffer.cancel(reason ?? new DOMException("the response body was cancelled", "AbortError"));
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.cancel();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    this.#use();
    const buffer = this.#buffer;
    return {
      next: () => buffer.next(this),
      // The iterator holds the body by this, as a stream does.
      return: async () => {
        await this.cancel();
        return { done: true, value: undefined };
      },
    };
  }

  #collect(maxBytes: number | undefined): Promise<Uint8Array> {
    checkNumber("maxBytes", maxBytes, 0);
    this.#use();
    return this.#buffer.collect(maxBytes);
  }

  #use(): void {
    if (this.#buffer.used) throw new TypeError("the body was already read, cancelled or disposed");
    this.#buffer.used = true;
  }
}
