import type { Exchange } from "@holdfast/pool";
import { type Fields, fieldText } from "@holdfast/transport";

/** Bytes beyond this are handed over piece by piece, so that a peer that takes them slowly is seen to do so. */
const sliceBytes = 65_536;

/**
 * The body of a request as undici takes it. What fails in it is the caller's failure, not the connection's; and once the
 * attempt is over it fails, because undici would mark what was sent as the whole.
 */
export function requestBody(
  exchange: Exchange,
  attempt: { readonly over: boolean },
): Uint8Array | AsyncIterable<Uint8Array> | null {
  const { kind, bytes } = exchange.body;
  if (kind === "none") return null;
  if (bytes !== undefined) return bytes.byteLength <= sliceBytes ? bytes : slices(bytes);
  return chunks(exchange, attempt);
}

/** The length of a body that is handed over as pieces of known bytes. */
export function slicedLength(exchange: Exchange): number | undefined {
  const length = exchange.body.bytes?.byteLength ?? 0;
  return length > sliceBytes ? length : undefined;
}

/**
 * What marks the end of a response body (RFC 9112, 6.3): `own` marks, or the end of the `connection`, where a cut is not
 * seen to be one. `unknown`: a transfer coding that we did not ask for and cannot undo.
 */
export function framingOf(method: string, status: number, headers: Fields): "own" | "connection" | "unknown" {
  if (method === "HEAD" || status === 204 || status === 304) return "own";
  const coding = fieldText(headers, "transfer-encoding");
  if (coding !== undefined) return /^\s*chunked\s*$/i.test(coding) ? "own" : "unknown";
  return headers["content-length"] === undefined ? "connection" : "own";
}

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.byteLength; at += sliceBytes) yield bytes.subarray(at, at + sliceBytes);
}

async function* chunks(
  exchange: Exchange,
  attempt: { readonly over: boolean },
): AsyncGenerator<Uint8Array, void, void> {
  // The caller's code may end the transport, which undici does not survive in the midst of its own.
  await Promise.resolve();
  try {
    yield* exchange.body.chunks();
  } catch (error) {
    if (!attempt.over) exchange.failBody(error);
    throw error;
  }
  if (attempt.over) throw new Error("the caller gave up before all of the body was sent");
}
