import type { CheckedBody } from "@holdfast/transport";
import type { MemoryResponse } from "./handler.ts";

/** What the reader of a request body tells the exchange. */
export interface RequestBodyOwner {
  progress(): void;
  /** The last byte was handed over, or the handler wants no more. */
  over(complete: boolean): void;
  /** The caller's iterable threw, or yielded something that cannot be sent. */
  failed(error: unknown): void;
}

/**
 * The caller's body as the handler reads it, chunk by chunk: nothing is pulled before the handler asks for it. The exchange
 * owns it and ends it with `stop()`, which also ends the caller's iterable.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #body: CheckedBody;
  readonly #lengthBytes: number | undefined;
  readonly #owner: RequestBodyOwner;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #state: "unread" | "reading" | "ended" | "stopped" = "unread";
  #bytes = 0;
  #reason: unknown;
  #reject: ((reason: unknown) => void) | undefined;

  /** `lengthBytes`: what the request's content-length announced, if it did. */
  constructor(body: CheckedBody, lengthBytes: number | undefined, owner: RequestBodyOwner) {
    this.#body = body;
    this.#lengthBytes = lengthBytes;
    this.#owner = owner;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    if (this.#state === "reading" || this.#state === "ended") throw new TypeError("the request body was already read");
    if (this.#state === "unread") this.#state = "reading";
    const body = this.#body;
    if (body.kind !== "stream") return oneChunk(body.kind === "bytes" ? body.bytes : undefined);
    return {
      next: () => this.#next(body.open),
      return: () => {
        if (this.#state === "reading") {
          this.stop(new DOMException("the handler stopped reading the request body", "AbortError"));
          this.#owner.over(false);
        }
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /**
   * No more is read; a read that waits rejects with `reason`. A one-shot iterable is ended even if nobody began to read it,
   * unless the handler was never called: then it is the caller's to send another way.
   */
  stop(reason: unknown, called = true): void {
    if (this.#state === "ended" || this.#state === "stopped") return;
    this.#state = "stopped";
    this.#reason = reason;
    this.#reject?.(reason);
    this.#reject = undefined;
    const body = this.#body;
    if (this.#iterator !== undefined) endIterator(this.#iterator);
    else if (called && body.kind === "stream" && !body.replayable) endUnread(body.open());
  }

  #next(open: () => AsyncIterable<Uint8Array>): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#state === "ended") return Promise.resolve({ done: true, value: undefined });
    if (this.#state === "stopped") return Promise.reject(this.#reason);
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#pull(open).then(
        (result) => {
          // Stopped meanwhile: the read was rejected.
          if (this.#state !== "stopped") resolve(result);
        },
        (error: unknown) => {
          if (this.#state === "stopped") return;
          this.#owner.failed(error);
          reject(error);
        },
      );
    });
  }

  async #pull(open: () => AsyncIterable<Uint8Array>): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#iterator ??= open()[Symbol.asyncIterator]();
    const { done, value } = await this.#iterator.next();
    if (this.#state === "stopped") return { done: true, value: undefined };
    if (done !== true && !(value instanceof Uint8Array))
      throw new TypeError("a chunk of the request body is not a Uint8Array");
    if (done !== true) this.#bytes += value.byteLength;
    if (
      this.#lengthBytes !== undefined &&
      (done === true ? this.#bytes < this.#lengthBytes : this.#bytes > this.#lengthBytes)
    ) {
      throw new TypeError(
        `content-length says ${this.#lengthBytes} bytes, the body has ${done === true ? "" : "at least "}${this.#bytes}`,
      );
    }
    if (done !== true) {
      this.#owner.progress();
      return { done: false, value };
    }
    this.#state = "ended";
    this.#owner.over(true);
    return { done: true, value: undefined };
  }
}

/** Moves the handler's body to its reader, no faster than it is read. The exchange owns it and ends it with `stop()`. */
export class ResponsePump {
  readonly #body: AsyncIterable<Uint8Array>;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #state: "running" | "paused" | "ended" | "stopped" = "running";
  #wake: (() => void) | undefined;

  /** @throws TypeError if it is no body. */
  constructor(body: MemoryResponse["body"]) {
    if (body === undefined || typeof body === "string" || body instanceof Uint8Array) this.#body = oneChunk(body);
    else if (typeof body === "object" && Symbol.asyncIterator in body) this.#body = body;
    else throw new TypeError("the response body is not a string, bytes or an async iterable");
  }

  get paused(): boolean {
    return this.#state === "paused";
  }

  get stopped(): boolean {
    return this.#state === "stopped";
  }

  /** Resolves when the handler's iterable has ended, or when it was stopped; rejects with what the iterable threw. */
  async run(push: (chunk: Uint8Array) => void): Promise<void> {
    this.#iterator = this.#body[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.#iterator.next();
      if (this.stopped) return;
      if (done === true) break;
      if (!(value instanceof Uint8Array)) throw new TypeError("a chunk of the response body is not a Uint8Array");
      if (value.byteLength > 0) push(value);
      if (this.paused) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.stopped) return;
    }
    this.#state = "ended";
  }

  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  resume(): void {
    if (this.#state === "paused") this.#state = "running";
    this.#wake?.();
  }

  stop(): void {
    if (this.#state === "ended" || this.#state === "stopped") return;
    this.#state = "stopped";
    this.#wake?.();
    if (this.#iterator !== undefined) endIterator(this.#iterator);
    else endUnread(this.#body);
  }
}

// It may wait for a next() that never settles, so nobody waits for it.
function endIterator(iterator: AsyncIterator<unknown>): void {
  iterator.return?.().catch(() => {});
}

// A Readable that was never read is not destroyed by its iterator's return().
function endUnread(body: AsyncIterable<Uint8Array> & { readonly destroy?: () => void }): void {
  if (typeof body.destroy === "function") body.destroy();
  else endIterator(body[Symbol.asyncIterator]());
}

async function* oneChunk(chunk: string | Uint8Array | undefined): AsyncGenerator<Uint8Array, undefined> {
  if (chunk !== undefined && chunk.length > 0) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
}
