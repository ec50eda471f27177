/** How often something may happen: `burst` times at once, `perSecond` for ever. Holds no timer. */
export class TokenBucket {
  readonly #burst: number;
  readonly #perMs: number;
  #left: number;
  #at = 0;

  constructor(burst: number, perSecond: number) {
    this.#burst = this.#left = burst;
    this.#perMs = perSecond / 1_000;
  }

  /** False when it happens too often. `now` in milliseconds, of any monotonic clock. */
  take(now: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
