import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { Executed } from "./application.ts";

const recordBytes = 4;

/**
 * Writes executions down where SIGKILL cannot take them: the kernel has each when `begin` returns, before anything is
 * executed. What a process sends over IPC, in contrast, may wait in the process, and would die with it.
 */
export function executionWriter(path: string): Executed {
  const file = openSync(path, "a");
  const record = Buffer.alloc(recordBytes);
  const ended = (): void => {};
  return {
    begin: (id) => {
      record.writeUInt32LE(id);
      writeSync(file, record);
      return ended;
    },
  };
}

/** Reads what the processes of a run have written, one after another or at the same time. Owns only its descriptor. */
export class ExecutionReader {
  #file: number | undefined;
  readonly #counts: Uint8Array;
  readonly #chunk: Buffer = Buffer.alloc(16_384);
  #readBytes = 0;

  constructor(path: string, exchanges: number) {
    this.#file = openSync(path, "a+");
    this.#counts = new Uint8Array(exchanges);
  }

  /** Up to now, or up to `close()`. */
  executions(id: number): number {
    this.#read();
    return this.#counts[id] ?? 0;
  }

  close(): void {
    this.#read();
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #read(): void {
    const chunk = this.#chunk;
    while (this.#file !== undefined) {
      const bytes = readSync(this.#file, chunk, 0, chunk.byteLength, this.#readBytes);
      const whole = bytes - (bytes % recordBytes);
      for (let at = 0; at < whole; at += recordBytes) {
        const id = chunk.readUInt32LE(at);
        this.#counts[id] = Math.min(255, (this.#counts[id] ?? 0) + 1);
      }
      this.#readBytes += whole;
      if (whole === 0) return;
    }
  }
}
