import { dialHoldMs } from "./lifetime.ts";

/** A connection that ended so soon and had nothing to do says that the next one would, too. */
const youngMs = 1_000;

/**
 * The pause before connections that were lost are dialled again, though nobody waits for them (`minConnections`). Owned by the
 * origin's pool. Its timer does not keep the process alive.
 */
export class Refill {
  readonly #dial: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Connections in a row that were of no use. */
  #useless = 0;

  constructor(dial: () => void) {
    this.#dial = dial;
  }

  get pending(): boolean {
    return this.#timer !== undefined;
  }

  /** A connection has ended that was open. */
  ended({ served, openedAt }: { readonly served: number; readonly openedAt: number }): void {
    const useful = served > 0 || performance.now() - openedAt >= youngMs;
    this.#useless = useful ? 0 : this.#useless + 1;
  }

  /** Dials after `holdMs`, or later if the last connections were of no use. */
  begin(holdMs: number): void {
    const pauseMs = this.#useless === 0 ? 0 : dialHoldMs(this.#useless, Math.random());
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#dial();
      },
      Math.max(holdMs, pauseMs),
    ).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
