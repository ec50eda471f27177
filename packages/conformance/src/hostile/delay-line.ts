/** How much one direction holds back at most: the rest waits at its sender. */
export const maxHeldBytes = 16_777_216;

interface Held {
  /** No chunk: the end. */
  readonly chunk: Uint8Array | undefined;
  readonly dueAt: number;
}

/**
 * Delivers chunks, and at last the end, in their order and each after its delay. It owns one timer, which runs only while
 * something is held and nobody has paused it.
 */
export class DelayLine {
  readonly #deliver: (chunk: Uint8Array | undefined) => void;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #paused = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(deliver: (chunk: Uint8Array | undefined) => void) {
    this.#deliver = deliver;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** `dueAt` by `performance.now()`; what came before is never overtaken. */
  push(chunk: Uint8Array | undefined, dueAt: number): void {
    this.#held.push({ chunk, dueAt });
    this.#heldBytes += chunk?.byteLength ?? 0;
    this.#run();
  }

  pause(): void {
    this.#paused = true;
    this.#stop();
  }

  resume(): void {
    this.#paused = false;
    this.#run();
  }

  /** Forgets what it holds. */
  clear(): void {
    this.#held.length = 0;
    this.#heldBytes = 0;
    this.#stop();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #run(): void {
    while (!this.#paused && this.#timer === undefined) {
      const first = this.#held[0];
      if (first === undefined) return;
      const waitMs = first.dueAt - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#run();
        }, waitMs);
        return;
      }
      this.#held.shift();
      this.#heldBytes -= first.chunk?.byteLength ?? 0;
      this.#deliver(first.chunk);
    }
  }
}
