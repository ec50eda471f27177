import type { Pipe, PipeListener } from "./pipe.ts";

/** Two pipes in this process, each the far end of the other. Messages arrive in a later step, in order. */
export function pipePair(): [Pipe, Pipe] {
  const one = new End();
  const other = new End();
  one.far = other;
  other.far = one;
  return [one, other];
}

class End implements Pipe {
  declare far: End;
  #listener: PipeListener | undefined;
  /** Came before anybody listened. */
  #early: ((listener: PipeListener) => void)[] = [];
  #over = false;

  start(listener: PipeListener): void {
    this.#listener = listener;
    for (const tell of this.#early.splice(0)) tell(listener);
  }

  send(message: Uint8Array, written: () => void): void {
    setImmediate(() => {
      this.far.#tell((listener) => listener.message(message));
      written();
    });
  }

  close(code: number, reason: string): void {
    const error = code === 1000 ? undefined : new Error(`the pipe was closed with ${code} ${reason}`);
    setImmediate(() => {
      this.far.#end(error);
      this.#end(error);
    });
  }

  destroy(reason?: unknown): void {
    const error = reason instanceof Error ? reason : new Error("the pipe was destroyed");
    setImmediate(() => {
      this.#end(error);
      this.far.#end(error);
    });
  }

  #tell(tell: (listener: PipeListener) => void): void {
    if (this.#over) return;
    if (this.#listener === undefined) this.#early.push(tell);
    else tell(this.#listener);
  }

  #end(error: Error | undefined): void {
    this.#tell((listener) => listener.closed(error));
    this.#over = true;
  }
}
