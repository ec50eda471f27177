import type { Channel } from "@holdfast/transport";
import type { Pipe, PipeListener } from "./pipe.ts";

/** Any channel as a pipe. The channel is the pipe's from then on. */
export function pipeOf(channel: Channel): Pipe {
  return new ChannelPipe(channel);
}

/** How long a channel that is being closed may show no progress. */
const leaveMs = 30_000;

interface Sending {
  readonly message: Uint8Array;
  readonly written: () => void;
}

/** A channel says when it has room for the next message; until then that waits here, and the goodbye behind it. */
class ChannelPipe implements Pipe {
  readonly #channel: Channel;
  #waiting: Sending[] = [];
  #busy = false;
  /** How it is closed when all was sent. */
  #goodbye: { readonly code: number; readonly reason: string } | undefined;
  /** Why it takes no message any more. */
  #failure: { readonly error: Error } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  start(listener: PipeListener): void {
    void this.#readAll(listener);
  }

  get open(): boolean {
    return this.#goodbye === undefined && this.#failure === undefined;
  }

  send(message: Uint8Array, written: () => void): void {
    this.#waiting.push({ message, written });
    if (!this.#busy) void this.#sendAll();
  }

  close(code: number, reason: string): void {
    this.#goodbye ??= { code, reason };
    this.#bound();
    if (!this.#busy) this.#leave();
  }

  destroy(reason?: unknown): void {
    this.#channel.destroy(reason);
  }

  async #sendAll(): Promise<void> {
    this.#busy = true;
    while (this.#waiting.length > 0) {
      const sending = this.#waiting;
      this.#waiting = [];
      for (const { message, written } of sending) {
        if (this.#failure === undefined) await this.#send(message);
        written();
        if (this.#goodbye !== undefined) this.#bound();
      }
    }
    this.#busy = false;
    if (this.#goodbye !== undefined) this.#leave();
  }

  /** What is lost on the way would be a gap that nobody sees, so a channel that refuses one is over. */
  async #send(message: Uint8Array): Promise<void> {
    try {
      await this.#channel.send(message);
    } catch (error) {
      this.#failure = { error: errorOf(error) };
      this.#channel.destroy(error);
    }
  }

  #leave(): void {
    const { code, reason } = this.#goodbye ?? {};
    // One that cannot say goodbye is gone already.
    this.#channel.close(code, reason).catch(() => {});
  }

  /** Whoever does not take the rest, or does not answer, is not waited for. */
  #bound(): void {
    clearTimeout(this.#timer);
    const error = new Error(`the channel did not end within ${leaveMs} ms`);
    this.#timer = setTimeout(() => this.#channel.destroy(error), leaveMs).unref();
  }

  async #readAll(listener: PipeListener): Promise<void> {
    let error: Error | undefined;
    try {
      for await (const message of this.#channel) listener.message(message);
      const { clean, code, reason } = await this.#channel.closed;
      if (!clean || code !== 1000) error = new Error(`the channel was closed with ${code} ${reason}`);
    } catch (reason) {
      error = errorOf(reason);
    }
    clearTimeout(this.#timer);
    // It has ended: whoever still waits for room would set it again.
    this.#goodbye = undefined;
    listener.closed(this.#failure?.error ?? error);
  }
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
