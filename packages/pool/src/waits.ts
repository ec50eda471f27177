/**
 * How long one attempt of an exchange may still wait, for a lease and for a dial. Each limit is over all waits of its kind: one
 * that gives way to the other, and comes again, gets no more time by that.
 */
export class Waits {
  /** When a dial was last begun for it, or it joined one. */
  coveredAt = 0;
  #covered = false;
  #queuedAt = 0;
  #queuedMs = 0;
  #dialledMs = 0;

  /** It waits for a lease from now on; returns how much longer it may. */
  queued(now: number, queueMs: number): number {
    if (this.#covered) this.#dialledMs += now - this.coveredAt;
    this.#covered = false;
    this.#queuedAt = now;
    return queueMs - this.#queuedMs;
  }

  /** A dial is under way for it from now on; returns how much longer it may wait for that. */
  covered(now: number, connectMs: number): number {
    this.#covered = true;
    this.coveredAt = now;
    this.#queuedMs += now - this.#queuedAt;
    return connectMs - this.#dialledMs;
  }

  /** When it has waited long enough for dials; `Infinity` while none is under way for it. */
  dialEndsAt(connectMs: number): number {
    return this.#covered ? this.coveredAt + connectMs - this.#dialledMs : Infinity;
  }
}
