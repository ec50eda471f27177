/**
 * What a server in this process executed. It is kept outside the server, so that it survives its restarts, and in an array
 * of a fixed size, so that it does not count as growth.
 */
export class Journal {
  readonly #counts: Uint8Array;
  #open = 0;

  constructor(exchanges: number) {
    this.#counts = new Uint8Array(exchanges);
  }

  /** Executions under way. */
  get open(): number {
    return this.#open;
  }

  /** Notes an execution; the caller ends it once by what is returned. */
  begin(id: number): () => void {
    this.#open++;
    this.#counts[id] = Math.min(255, this.executions(id) + 1);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#open--;
    };
  }

  executions(id: number): number {
    return this.#counts[id] ?? 0;
  }
}
