/** The ids that were seen last; so many that a peer which repeats more has been told nothing of where to go on. */
export class RecentIds {
  readonly #max: number;
  readonly #ids: Set<string> = new Set();

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether it is new; it is seen from then on. */
  add(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.#max) {
      const [oldest] = this.#ids;
      this.#ids.delete(oldest as string);
    }
    return true;
  }
}
