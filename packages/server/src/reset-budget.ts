/** How many streams a client may reset: `burst` at once, a fifth of it each second. Holds no timer. */
export class ResetBudget {
  readonly #burst: number;
  #left: number;
  #at = 0;

  constructor(burst: number) {
    this.#burst = burst;
    this.#left = burst;
  }

  /** False when it is used up. `now` in milliseconds, on any clock that never goes back. */
  take(now: number): boolean {
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1_000) * (this.#burst / 5));
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
