import type { RequestBody } from "@holdfast/pool";
import { type CheckedRequest, checkFields } from "@holdfast/transport";
import { type Pairs, toPairs } from "./line.ts";

/** 64 KiB in base64: half of what a peer has to take in one line. */
const pieceBytes = 49_152;

/** The body of a request in pieces that fit a line each. What it throws is the caller's failure, not the connection's. */
export async function* bodyPieces(body: RequestBody, headers: readonly string[]): AsyncGenerator<Buffer, void, void> {
  let leftBytes = declaredBytes(headers);
  for await (const chunk of body.bytes === undefined ? body.chunks() : [body.bytes]) {
    if ((leftBytes -= chunk.byteLength) < 0) throw new TypeError("the body is longer than its content-length");
    for (let at = 0; at < chunk.byteLength; at += pieceBytes) {
      const { buffer, byteOffset, byteLength } = chunk.subarray(at, at + pieceBytes);
      yield Buffer.from(buffer, byteOffset, byteLength);
    }
  }
  if (leftBytes > 0 && leftBytes !== Infinity) throw new TypeError("the body is shorter than its content-length");
}

/** What the caller wants sent after the body. */
export async function trailersOf({ source }: CheckedRequest): Promise<Pairs> {
  const flat: string[] = [];
  checkFields((await source.trailers?.()) ?? {}, flat);
  return toPairs(flat);
}

function declaredBytes(headers: readonly string[]): number {
  const at = headers.findIndex((name, i) => i % 2 === 0 && name === "content-length");
  return at < 0 ? Infinity : Number(headers[at + 1]);
}
