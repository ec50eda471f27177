import type { CheckedRequest } from "@holdfast/transport";
import { fieldBytes, frameType } from "./frames.ts";
import type { FrameWriter } from "./frame-writer.ts";

/** Writes blocks of HEADERS, which `head.ts` reads. */

const namesBytes = ":method:path:authority".length;
/** What has more digits cannot be said, and is no deadline to anybody. */
const maxDeadlineMs = 10 ** 15 - 1;
const noExtra: readonly string[] = [];

/** @returns false if the block would be longer than the peer takes; then nothing was written. */
export function writeRequestHead(
  writer: FrameWriter,
  stream: number,
  flags: number,
  { method, target, headers, body }: CheckedRequest,
  deadlineMs: number | undefined,
  maxBlock: number,
): boolean {
  let authority = target.origin.slice(target.origin.indexOf("//") + 2);
  let measured = false;
  let bytes = 0;
  let host = -1;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name === "host") {
      host = i;
      authority = headers[i + 1] as string;
      continue;
    }
    if (name === "content-length") measured = true;
    bytes += fieldBytes + name.length + (headers[i + 1] as string).length;
  }
  let extra = noExtra;
  if (body.kind === "bytes" && !measured) extra = ["content-length", String(body.bytes.byteLength)];
  if (deadlineMs !== undefined && deadlineMs <= maxDeadlineMs)
    extra = [":deadline", String(Math.max(0, Math.ceil(deadlineMs))), ...extra];
  bytes += pairsBytes(extra) + 3 * fieldBytes + namesBytes + method.length + target.path.length + authority.length;
  if (bytes > maxBlock) return false;
  let at = writer.begin(frameType.headers, flags, stream, bytes);
  const { slab } = writer;
  at = writeField(slab, at, ":method", method);
  at = writeField(slab, at, ":path", target.path);
  at = writeField(slab, at, ":authority", authority);
  at = writePairs(slab, at, extra);
  for (let i = 0; i < headers.length; i += 2) {
    if (i !== host) at = writeField(slab, at, headers[i] as string, headers[i + 1] as string);
  }
  return true;
}

/** Writes a block of name, value, name, value, ...; false as above. */
export function writePairsFrame(
  writer: FrameWriter,
  stream: number,
  flags: number,
  pairs: readonly string[],
  maxBlock: number,
): boolean {
  const bytes = pairsBytes(pairs);
  if (bytes > maxBlock) return false;
  const at = writer.begin(frameType.headers, flags, stream, bytes);
  writePairs(writer.slab, at, pairs);
  return true;
}

function pairsBytes(pairs: readonly string[]): number {
  let bytes = (pairs.length / 2) * fieldBytes;
  for (const text of pairs) bytes += text.length;
  return bytes;
}

function writePairs(slab: Buffer, start: number, pairs: readonly string[]): number {
  let at = start;
  for (let i = 0; i < pairs.length; i += 2) at = writeField(slab, at, pairs[i] as string, pairs[i + 1] as string);
  return at;
}

function writeField(slab: Buffer, at: number, name: string, value: string): number {
  const nameBytes = name.length;
  const valueBytes = value.length;
  slab[at] = nameBytes >>> 8;
  slab[at + 1] = nameBytes;
  slab[at + 2] = valueBytes >>> 8;
  slab[at + 3] = valueBytes;
  writeText(slab, at + fieldBytes, name);
  writeText(slab, at + fieldBytes + nameBytes, value);
  return at + fieldBytes + nameBytes + valueBytes;
}

/** Below this a loop is cheaper than a call into the engine. */
const shortBytes = 24;

function writeText(slab: Buffer, at: number, text: string): void {
  if (text.length > shortBytes) {
    slab.write(text, at, "latin1");
    return;
  }
  for (let i = 0; i < text.length; i++) slab[at + i] = text.charCodeAt(i);
}
