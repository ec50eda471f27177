import type { TransportError } from "@holdfast/transport";
import { dialHoldMs } from "./lifetime.ts";

/**
 * The pause between a dial that failed and the next, at one origin, and what is to be told of that failure. Owned by the
 * origin's pool. Its timer does not keep the process alive.
 */
export class DialHold {
  readonly #ended: () => void;
  #failures = 0;
  #until = 0;
  /** Who waits then may find nothing else that asks for another dial. */
  #timer: NodeJS.Timeout | undefined;
  #last: { readonly error: TransportError; readonly at: number } | undefined;

  constructor(ended: () => void) {
    this.#ended = ended;
  }

  get leftMs(): number {
    return this.#until === 0 ? 0 : Math.max(0, this.#until - performance.now());
  }

  /** The failure that somebody who began to wait at `since` was kept waiting by, if no dial has succeeded after it. */
  errorFor(since: number): TransportError | undefined {
    return this.#last !== undefined && (this.#until > 0 || this.#last.at >= since) ? this.#last.error : undefined;
  }

  failed(error: TransportError): void {
    const at = performance.now();
    const holdMs = dialHoldMs(++this.#failures, Math.random());
    this.#last = { error, at };
    this.#until = at + holdMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), holdMs).unref();
  }

  /** A dial has succeeded. */
  opened(): void {
    this.#failures = 0;
    this.#last = undefined;
    this.stop();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#until = 0;
  }

  #end(): void {
    this.#until = 0;
    this.#ended();
  }
}
