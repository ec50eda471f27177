/** Something with a moment at which it has had its time. */
export interface Expiring {
  /** On the clock of `performance.now()`; `Infinity` for never. Tell the watch with `note` when it comes nearer. */
  expiresAt: number;
  /** Where the watch keeps it; -1 while it does not. */
  watchSlot: number;
  expire(now: number): void;
}

/** Two expiries nearer to each other than this are served by one wake-up, so many short limits cannot flood the loop. */
const grainMs = 5;

/** The longest that a timer of Node can wait. What expires later is looked at again then. */
export const farthestMs: number = 2 ** 31 - 1;

/**
 * One timer for many limits. Nearly all limits never fire: they are moved on or dropped long before. So adding, moving
 * and dropping one costs a comparison, and the timer looks over all of them when the earliest it ever heard of is due.
 *
 * Owned by a pool. Its timer never keeps the process alive by itself, except between `hold()` and `release()`.
 */
export class Watch<T extends Expiring> {
  // Not a Set: one that is added to and deleted from all the time leaves a chain of old tables, each holding what was in
  // it, which the young generation's collector takes for alive.
  readonly #items: T[] = [];
  #timer: NodeJS.Timeout | undefined;
  #wakeAt = Infinity;
  #holds = 0;

  get size(): number {
    return this.#items.length;
  }

  /** What is watched now; a copy, because ending one changes the list. */
  items(): T[] {
    return this.#items.slice();
  }

  add(item: T): void {
    item.watchSlot = this.#items.push(item) - 1;
    if (item.expiresAt < this.#wakeAt) this.#arm(item.expiresAt);
  }

  delete(item: T): void {
    const slot = item.watchSlot;
    if (slot < 0) return;
    item.watchSlot = -1;
    const last = this.#items.pop() as T;
    if (last === item) return;
    this.#items[slot] = last;
    last.watchSlot = slot;
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
    this.#timer = setTimeout(this.#wake, Math.min(Math.max(1, Math.ceil(at - performance.now())), farthestMs));
    if (this.#holds === 0) this.#timer.unref();
  }

  #wake = (): void => {
    this.#timer = undefined;
    this.#wakeAt = Infinity;
    const now = performance.now();
    for (const item of this.items()) if (item.expiresAt <= now && item.watchSlot >= 0) item.expire(now);
    let next = Infinity;
    for (const { expiresAt } of this.#items) if (expiresAt < next) next = expiresAt;
    // An expiry may have armed the timer already, for something earlier or later than what is left.
    if (next < this.#wakeAt) this.#arm(Math.max(next, now + grainMs));
  };
}
