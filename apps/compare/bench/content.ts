import { createHash } from "node:crypto";

/** A prime, so that no piece of a body looks like another at a usual boundary. */
const period = 1_048_573;
const pieceBytes = 65_536;
const bytes = new Uint8Array(period + pieceBytes).map((_, index) => Math.imul(index % period, 0x9e3779b1) >>> 24);

/** `size` bytes of exchange `id`, the same each time; a lost, doubled or foreign piece changes the rest. Views on shared bytes. */
export function* contentOf(id: number, size: number, maxPieceBytes: number = pieceBytes): Generator<Uint8Array> {
  for (let at = 0; at < size;) {
    const start = (id * 7_919 + at) % period;
    const end = start + Math.min(maxPieceBytes, size - at);
    yield bytes.subarray(start, end);
    at += end - start;
  }
}

/** What a body was: as good as the body to compare, and shorter. */
export interface Digest {
  readonly bytes: number;
  readonly sha256: string;
}

/** Reads a body, or no more than `maxBytes` of it: then it is left as it is after that. */
export async function digestOf(body: AsyncIterator<Uint8Array>, maxBytes: number = Infinity): Promise<Digest> {
  const hash = createHash("sha256");
  let taken = 0;
  while (taken < maxBytes) {
    const { done, value } = await body.next();
    if (done === true) break;
    const piece = value.subarray(0, Math.min(value.byteLength, maxBytes - taken));
    hash.update(piece);
    taken += piece.byteLength;
  }
  return { bytes: taken, sha256: hash.digest("base64url").slice(0, 16) };
}
