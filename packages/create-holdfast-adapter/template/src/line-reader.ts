const lineFeed = 0x0a;

/** Cuts bytes, as they come off a socket, into lines of at most so many bytes. */
export class LineReader {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #tooLong = false;

  constructor(maxBytes: number = Infinity) {
    this.#maxBytes = maxBytes;
  }

  /** The last line read, or the one that is being read, is longer than it may be: read no further. */
  get tooLong(): boolean {
    return this.#tooLong;
  }

  /** A line has begun, and waits for its end. */
  get within(): boolean {
    return this.#partsBytes > 0;
  }

  /** The lines that these bytes complete, without their line feeds; none after one that is too long. */
  read(bytes: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, start)) {
      this.#add(bytes.subarray(start, at));
      if (this.#tooLong) return lines;
      lines.push(this.#take());
      start = at + 1;
    }
    this.#add(bytes.subarray(start));
    return lines;
  }

  #add(part: Uint8Array): void {
    this.#partsBytes += part.byteLength;
    if (this.#partsBytes > this.#maxBytes) this.#tooLong = true;
    else if (part.byteLength > 0) this.#parts.push(part);
  }

  #take(): string {
    const line = Buffer.concat(this.#parts).toString();
    this.#parts = [];
    this.#partsBytes = 0;
    return line;
  }
}
