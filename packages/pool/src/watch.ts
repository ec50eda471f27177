/** Something with a moment at which it has had its time. */
export interface Expiring {
  /** On the clock of `performance.now()`; `Infinity` for never. Tell the watch with `note` when it comes nearer. */
  expiresAt: number;
  expire(now: number): void;
}

/** Two expiries nearer to each other than this are served by one wake-up, so many short limits cannot flood the loop. */
const grainMs = 5;

/**
 * One timer for many limits. Nearly all limits never fire: they are moved on or dropped long before. So adding, moving
 * and dropping one costs a comparison, and the timer looks over all of them when the earliest it ever heard of is due.
 *
 * Owned by a pool. Its timer never keeps the process alive by itself, except between `hold()` and `release()`.
 */
export class Watch<T extends Expiring> {
  readonly items: Set<T> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Infinity;
  #holds = 0;

  add(item: T): void {
    this.items.add(item);
    if (item.expiresAt < this.#wakeAt) this.#arm(item.expiresAt);
  }

  delete(item: T): void {
    this.items.delete(item);
  }

  /** The item's expiry changed. */
  note(item: T): void {
    if (item.expiresAt < this.#wakeAt) this.#arm(item.expiresAt);
  }

  /** Somebody waits for what only a limit may settle: the process stays alive for it. */
  hold(): void {
    if (this.#holds++ === 0) this.#timer?.ref();
  }

  release(): void {
    if (--this.#holds === 0) this.#timer?.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wakeAt = Infinity;
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#wakeAt = at;
    this.#timer = setTimeout(this.#wake, Math.max(1, Math.ceil(at - performance.now())));
    if (this.#holds === 0) this.#timer.unref();
  }

  #wake = (): void => {
    this.#timer = undefined;
    this.#wakeAt = Infinity;
    const now = performance.now();
    let next = Infinity;
    for (const item of this.items) {
      if (item.expiresAt <= now) item.expire(now);
      if (this.items.has(item) && item.expiresAt < next) next = item.expiresAt;
    }
    // An expiry may have armed the timer already, for something earlier or later than what is left.
    if (next < this.#wakeAt) this.#arm(Math.max(next, now + grainMs));
  };
}
