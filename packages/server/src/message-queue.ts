import type { Message } from "@holdfast/transport";

/** Above this the source is paused, below a quarter of it resumed. */
const highWaterBytes = 65_536;
const lowWaterBytes = highWaterBytes / 4;
/** What a message costs besides its bytes, so that empty ones are bounded too. */
const messageCostBytes = 64;

interface Waiter {
  readonly resolve: (result: IteratorResult<Message, undefined>) => void;
  readonly reject: (error: Error) => void;
}

/** Messages between a socket that pushes and a reader that pulls. What was pushed before the end is still read. */
export class MessageQueue {
  readonly #pause: () => void;
  readonly #resume: () => void;
  #messages: Message[] = [];
  #bytes = 0;
  #paused = false;
  #released = false;
  #waiter: Waiter | undefined;
  #end: { readonly error: Error | undefined } | undefined;

  constructor(pause: () => void, resume: () => void) {
    this.#pause = pause;
    this.#resume = resume;
  }

  push(message: Message): void {
    const waiter = this.#waiter;
    if (waiter !== undefined) {
      this.#waiter = undefined;
      return waiter.resolve({ done: false, value: message });
    }
    this.#messages.push(message);
    this.#bytes += costOf(message);
    if (this.#bytes < highWaterBytes || this.#paused || this.#released) return;
    this.#paused = true;
    this.#pause();
  }

  next(): Promise<IteratorResult<Message, undefined>> {
    const message = this.#messages.shift();
    if (message !== undefined) {
      this.#bytes -= costOf(message);
      if (this.#bytes <= lowWaterBytes) this.#unpause();
      return Promise.resolve({ done: false, value: message });
    }
    if (this.#end !== undefined) {
      const { error } = this.#end;
      return error === undefined ? Promise.resolve({ done: true, value: undefined }) : Promise.reject(error);
    }
    if (this.#waiter !== undefined) return Promise.reject(new TypeError("the channel is being read already"));
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
  }

  /** Nothing more will be pushed; the source shall run on to its end. */
  release(): void {
    this.#released = true;
    this.#unpause();
  }

  end(): void {
    this.#end ??= { error: undefined };
    this.#waiter?.resolve({ done: true, value: undefined });
    this.#waiter = undefined;
  }

  fail(error: Error): void {
    this.#end ??= { error };
    this.#waiter?.reject(error);
    this.#waiter = undefined;
  }

  #unpause(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#resume();
  }
}

function costOf(message: Message): number {
  return message.length + messageCostBytes;
}
