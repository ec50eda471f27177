import { checkFields, noFields } from "@holdfast/transport";
import type { ServedResponse } from "./served.ts";

/** A body that is there; undefined for none, and for one that comes piece by piece. */
export function bytesOf(body: ServedResponse["body"]): Uint8Array | undefined {
  if (typeof body === "string") return Buffer.from(body);
  return body instanceof Uint8Array ? body : undefined;
}

/** Whatever it says, it is sent without a body. */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || status === 204 || status === 304;
}

/**
 * The head: name, value, name, value, ... `bytes` is what of the body is there, and is to be sent.
 *
 * @throws TypeError for one that cannot be sent.
 */
export function headPairs(
  { status = 200, headers = noFields }: ServedResponse,
  bytes: Uint8Array | undefined,
): string[] {
  if (!Number.isInteger(status) || status < 200 || status > 599)
    throw new TypeError("the status is not one of 200 to 599");
  const pairs = [":status", String(status)];
  checkFields(headers, pairs);
  if (bytes !== undefined && !hasField(pairs, "content-length")) pairs.push("content-length", String(bytes.byteLength));
  return pairs;
}

/** Names stand at even places. */
function hasField(pairs: readonly string[], name: string): boolean {
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === name) return true;
  return false;
}

/** A body that nobody wants: its maker shall know. */
export async function stopBody(body: ServedResponse["body"]): Promise<void> {
  if (typeof body === "object" && !(body instanceof Uint8Array)) await stopSource(body[Symbol.asyncIterator]());
}

export async function stopSource(source: AsyncIterator<Uint8Array>): Promise<void> {
  try {
    await source.return?.();
  } catch {
    // What its clean-up throws has nobody left to hear it.
  }
}
