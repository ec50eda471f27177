import type { Socket } from "node:net";
import { DelayLine, maxHeldBytes } from "./delay-line.ts";

/** What befalls one direction of a connection when it has passed so many bytes. */
export type PipeFault =
  | {
      /** `fin` and `rst` end both sides, `black-hole` passes nothing more either way and says nothing. */
      readonly kind: "fin" | "rst" | "black-hole";
      readonly afterBytes: number;
    }
  | {
      /** Passes on little by little. */
      readonly kind: "trickle";
      readonly afterBytes: number;
      readonly chunkBytes: number;
      readonly gapMs: number;
    };

export interface PipeOptions {
  /** When a chunk that comes now is to arrive, by `performance.now()`. */
  readonly dueAt: () => number;
  readonly fault?: PipeFault | undefined;
  /** Called once, when a fault ends the connection or makes it a black hole. */
  readonly befall: (kind: "fin" | "rst" | "black-hole") => void;
}

/** One direction of a connection: passes bytes and the end of them, no faster than they are taken. */
export class FaultPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #options: PipeOptions;
  #fault: PipeFault | undefined;
  readonly #line: DelayLine;
  #taken = 0;
  #passed = 0;
  /** When the last piece of a trickle is due. */
  #pieceAt = 0;
  #stopped = false;

  constructor(from: Socket, to: Socket, options: PipeOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    this.#fault = options.fault;
    this.#line = new DelayLine((chunk) => this.#pass(chunk));
    from.on("data", (chunk: Buffer) => this.#take(chunk));
    from.on("end", () => {
      if (!this.#stopped) this.#line.push(undefined, options.dueAt());
    });
    const resume = (): void => {
      if (!this.#stopped) this.#line.resume();
    };
    to.on("drain", resume);
    // What is written before does not count as passed.
    if (to.connecting) {
      this.#line.pause();
      to.once("connect", resume);
    }
  }

  /** To be called once: a fault after no byte strikes now. */
  begin(): void {
    if (this.#fault?.afterBytes === 0) this.#strike();
  }

  /** Another fault from now on: the bytes until it strikes are counted anew. */
  arm(fault: PipeFault): void {
    if (this.#stopped) return;
    this.#fault = fault;
    this.#taken = 0;
    this.#passed = 0;
    this.begin();
  }

  /** Passes nothing more; what still comes is not read. */
  stop(): void {
    this.#stopped = true;
    this.#line.clear();
    this.#from.pause();
  }

  #take(chunk: Buffer): void {
    if (this.#stopped) return;
    const { dueAt } = this.#options;
    const fault = this.#fault;
    const whole = fault?.kind === "trickle" ? Math.max(0, fault.afterBytes - this.#taken) : Infinity;
    this.#taken += chunk.byteLength;
    if (whole > 0) this.#line.push(chunk.subarray(0, Math.min(whole, chunk.byteLength)), dueAt());
    if (fault?.kind === "trickle") {
      for (let at = whole; at < chunk.byteLength; at += fault.chunkBytes) {
        this.#pieceAt = Math.max(dueAt(), this.#pieceAt + fault.gapMs);
        this.#line.push(chunk.subarray(at, at + fault.chunkBytes), this.#pieceAt);
      }
    }
    if (this.#line.heldBytes >= maxHeldBytes) this.#from.pause();
  }

  #pass(chunk: Uint8Array | undefined): void {
    if (this.#from.isPaused() && this.#line.heldBytes < maxHeldBytes / 2) this.#from.resume();
    if (chunk === undefined) {
      this.#to.end();
      return;
    }
    const fault = this.#fault;
    const left = fault === undefined || fault.kind === "trickle" ? Infinity : fault.afterBytes - this.#passed;
    const passed = chunk.subarray(0, Math.min(left, chunk.byteLength));
    this.#passed += passed.byteLength;
    if (!this.#to.write(passed)) this.#line.pause();
    if (passed.byteLength === left) this.#strike();
  }

  #strike(): void {
    const { befall } = this.#options;
    const fault = this.#fault;
    if (fault !== undefined && fault.kind !== "trickle") befall(fault.kind);
  }
}
