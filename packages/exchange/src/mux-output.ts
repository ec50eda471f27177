import { FrameWriter } from "./frame-writer.ts";
import type { MuxStream } from "./mux-stream.ts";
import type { Pipe } from "./pipe.ts";
import { initialSettings, type Settings } from "./settings.ts";

/** Handed to the pipe and not written: above this no more DATA is. */
const highWaterBytes = 262_144;
/** Above this the peer has stopped reading, and the connection is given up. */
const maxPendingBytes = 8 * 1_048_576;
/** What a message costs besides its bytes until it is written, so that small ones are bounded too. */
const messageCostBytes = 256;
/** Behind so many, a message smaller than the other would hold all of the slab that it was written to. */
const behindBytes = 65_536;
const smallBytes = 4_096;

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

  /** What was written leaves, and then nothing any more. */
  finish(): void {
    this.#send();
    this.end();
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#ended) return;
    if (this.#listed.length > 0) this.#writeData();
    this.#send();
    if (this.#pendingBytes > maxPendingBytes) this.#giveUp(new Error("the peer has stopped reading"));
  }

  #send(): void {
    for (const message of this.writer.take()) {
      const costBytes = message.byteLength + messageCostBytes;
      const copied = this.#pendingBytes > behindBytes && message.byteLength < smallBytes;
      this.#pendingBytes += costBytes;
      this.#pipe.send(copied ? new Uint8Array(message) : message, () => this.#written(costBytes));
    }
  }

  /** One frame of each, until there is nothing to send, no credit, or enough under way. Who had no turn is the first next time. */
  #writeData(): void {
    while (this.#listed.length > 0) {
      const round = this.#listed;
      const waiting: MuxStream[] = [];
      this.#listed = [];
      for (const [i, stream] of round.entries()) {
        if (this.#pendingBytes + this.writer.bytes >= highWaterBytes) {
          this.#listed = [...waiting, ...round.slice(i), ...this.#listed];
          return;
        }
        if (this.#credit <= 0 && stream.hasQueue) {
          waiting.push(stream);
          continue;
        }
        stream.listed = false;
        if (!stream.sendable) continue;
        this.#credit -= stream.writeFrame(Math.min(this.#credit, this.peer.maxFrame));
        this.offer(stream);
      }
      if (waiting.length > 0) {
        this.#listed = [...waiting, ...this.#listed];
        return;
      }
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
