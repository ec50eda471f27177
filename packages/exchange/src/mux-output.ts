import { FrameWriter } from "./frame-writer.ts";
import type { MuxStream } from "./mux-stream.ts";
import type { Pipe } from "./pipe.ts";
import { initialSettings, type Settings } from "./settings.ts";

/** Handed to the pipe and not written: above this no more DATA is. */
const highWaterBytes = 262_144;
/** Above this the peer has stopped reading, and the connection is given up. */
const maxPendingBytes = 8 * 1_048_576;

/**
 * What one connection sends: the frames of a turn as one message, small ones first, then one DATA frame of each stream in
 * turn while there is credit and not too much under way. Owned by its connection.
 */
export class MuxOutput {
  readonly writer: FrameWriter = new FrameWriter();
  /** What the peer takes. */
  peer: Settings = initialSettings;
  /** What may still be sent, over all streams. */
  #credit: number = initialSettings.connectionWindow;
  readonly #pipe: Pipe;
  readonly #giveUp: (error: Error) => void;
  #listed: MuxStream[] = [];
  #pendingBytes = 0;
  #scheduled = false;
  #ended = false;

  constructor(pipe: Pipe, giveUp: (error: Error) => void) {
    this.#pipe = pipe;
    this.#giveUp = giveUp;
  }

  /** Of a block that the peer takes; a field's length is 16 bits. */
  get maxBlock(): number {
    return Math.min(this.peer.maxBlock, 65_535);
  }

  /** Returns false when that is more than there can be. */
  addCredit(increment: number, maxBytes: number): boolean {
    this.#credit += increment;
    if (this.#listed.length > 0) this.wake();
    return this.#credit <= maxBytes;
  }

  /** A stream may have something to send. */
  offer(stream: MuxStream): void {
    if (stream.listed || !stream.sendable) return;
    stream.listed = true;
    this.#listed.push(stream);
    this.wake();
  }

  /** Something was written: it leaves at the end of this step. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(flush, this);
  }

  /** Nothing leaves any more. */
  end(): void {
    this.#ended = true;
    this.#listed = [];
    this.writer.take();
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#ended) return;
    if (this.#listed.length > 0) this.#writeData();
    for (const message of this.writer.take()) {
      const bytes = message.byteLength;
      this.#pendingBytes += bytes;
      this.#pipe.send(message, () => this.#written(bytes));
    }
    if (this.#pendingBytes > maxPendingBytes) this.#giveUp(new Error("the peer has stopped reading"));
  }

  /** One frame of each, until there is nothing to send, no credit, or enough under way. */
  #writeData(): void {
    while (this.#listed.length > 0) {
      const round = this.#listed;
      this.#listed = [];
      for (const [i, stream] of round.entries()) {
        if (this.#pendingBytes + this.writer.bytes >= highWaterBytes) {
          this.#listed.push(...round.slice(i));
          return;
        }
        stream.listed = false;
        if (!stream.sendable) continue;
        const bytes = stream.writeFrame(Math.min(this.#credit, this.peer.maxFrame));
        this.#credit -= bytes;
        this.offer(stream);
      }
      if (this.#credit <= 0) return;
    }
  }

  #written(bytes: number): void {
    this.#pendingBytes -= bytes;
    if (this.#listed.length > 0 && this.#pendingBytes < highWaterBytes) this.wake();
  }
}

function flush(output: MuxOutput): void {
  output.flush();
}
