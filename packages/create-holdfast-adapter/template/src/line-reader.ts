const lineFeed = 0x0a;

/** Cuts bytes, as they come off a socket, into lines. */
export class LineReader {
  #parts: Uint8Array[] = [];
  #partsBytes = 0;

  /** Bytes that wait for the rest of their line. */
  get waitingBytes(): number {
    return this.#partsBytes;
  }

  /** The lines that these bytes complete, without their line feeds. */
  read(bytes: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, start)) {
      lines.push(this.#complete(bytes.subarray(start, at)));
      start = at + 1;
    }
    if (start < bytes.byteLength) {
      this.#parts.push(bytes.subarray(start));
      this.#partsBytes += bytes.byteLength - start;
    }
    return lines;
  }

  #complete(last: Buffer): string {
    if (this.#partsBytes === 0) return last.toString();
    const line = Buffer.concat([...this.#parts, last]).toString();
    this.#parts = [];
    this.#partsBytes = 0;
    return line;
  }
}
