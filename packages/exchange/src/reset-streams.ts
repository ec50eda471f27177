const maxRemembered = 1_000;

/**
 * Streams that this side gave up: frames of theirs that were on their way are passed over, those of any other closed stream
 * break the protocol, or cost the peer something. Remembers the last thousand; below those it forgives.
 */
export class ResetStreams {
  readonly #ids: Set<number> = new Set();
  #forgiven = 0;

  add(id: number): void {
    this.#ids.add(id);
    if (this.#ids.size <= maxRemembered) return;
    const [oldest] = this.#ids as Set<number> & Iterable<number>;
    this.#ids.delete(oldest as number);
    this.#forgiven = Math.max(this.#forgiven, oldest as number);
  }

  /** Whether frames of this closed stream may still come. */
  has(id: number): boolean {
    return id <= this.#forgiven || this.#ids.has(id);
  }
}
