/**
 * What the server side of a ledger executed. It is kept outside the servers, so that it survives their restarts, and in
 * arrays of a fixed size, so that it does not count as growth.
 */
export class Journal {
  readonly #count: Uint8Array;
  readonly #beganAt: Float64Array;
  readonly #endedAt: Float64Array;
  #open = 0;

  constructor(exchanges: number) {
    this.#count = new Uint8Array(exchanges);
    this.#beganAt = new Float64Array(exchanges);
    this.#endedAt = new Float64Array(exchanges);
  }

  /** Executions under way. */
  get open(): number {
    return this.#open;
  }

  /** Notes an execution; the caller ends it once by what is returned. */
  begin(id: number): () => void {
    this.#open++;
    this.#count[id] = Math.min(255, this.executions(id) + 1);
    this.#beganAt[id] = performance.now();
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#open--;
      this.#endedAt[id] = performance.now();
    };
  }

  executions(id: number): number {
    return this.#count[id] ?? 0;
  }

  /** The last execution, by `performance.now()`; `endedAt` is 0 while it runs. */
  last(id: number): { readonly beganAt: number; readonly endedAt: number } {
    return { beganAt: this.#beganAt[id] ?? 0, endedAt: this.#endedAt[id] ?? 0 };
  }
}
