/** Where the writer of a stream waits until its queue has room, or nobody reads it any more. */
export class Room {
  #wake: (() => void) | undefined;

  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  open(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
