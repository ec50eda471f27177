import type { ClientHttp2Stream } from "node:http2";
import type { Exchange } from "@holdfast/pool";
import { checkFields } from "@holdfast/transport";

/** Bytes beyond this are handed over piece by piece, so that a peer that takes them slowly is seen to do so. */
const sliceBytes = 65_536;

/** Sends the body of a request, no faster than the peer takes it, then its trailers. */
export function sendBody(stream: ClientHttp2Stream, exchange: Exchange): void {
  const { body, request } = exchange;
  if (request.source.trailers !== undefined) stream.on("wantTrailers", () => void sendTrailers(stream, exchange));
  if (body.kind === "stream") return void sendChunks(stream, exchange, body.chunks());
  const { bytes } = body;
  if (bytes !== undefined && bytes.byteLength > sliceBytes) return void sendChunks(stream, exchange, slices(bytes));
  if (bytes !== undefined) stream.end(bytes);
  else if (!stream.writableEnded) stream.end();
  exchange.sent();
}

async function sendChunks(
  stream: ClientHttp2Stream,
  exchange: Exchange,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  // Already the first piece may find no room.
  exchange.progress();
  try {
    for await (const chunk of chunks) {
      if (stream.destroyed || stream.closed || exchange.over) return;
      if (!stream.write(chunk)) await room(stream);
      exchange.progress();
    }
  } catch (error) {
    exchange.failBody(error);
    return;
  }
  if (stream.destroyed || exchange.over) return;
  stream.end(() => exchange.sent());
}

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.byteLength; at += sliceBytes) yield bytes.subarray(at, at + sliceBytes);
}

/** Resolves when there is room to write, or nobody left to write to. */
function room(stream: ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    stream.on("drain", done).on("close", done);
  });
}

async function sendTrailers(stream: ClientHttp2Stream, exchange: Exchange): Promise<void> {
  try {
    const trailers = await exchange.request.source.trailers?.();
    const flat: string[] = [];
    checkFields(trailers ?? {}, flat);
    if (!stream.destroyed) stream.sendTrailers(gathered(flat));
  } catch (error) {
    exchange.failBody(error);
  }
}

function gathered(flat: readonly string[]): Record<string, string[]> {
  const fields: Record<string, string[]> = {};
  for (let i = 0; i < flat.length; i += 2) (fields[flat[i] as string] ??= []).push(flat[i + 1] as string);
  return fields;
}
