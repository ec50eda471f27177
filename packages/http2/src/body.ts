import type { ClientHttp2Stream } from "node:http2";
import type { Exchange } from "@holdfast/pool";
import { checkFields } from "@holdfast/transport";
import { nextPace, startPace } from "./pace.ts";

/** Bytes beyond this are handed over piece by piece, so that a peer that takes them slowly is seen to do so. */
const wholeBytes = 16_384;

/** Whose request is sent. When it is over, its exchange may go on in another attempt, and must hear nothing of this one. */
export interface Sender {
  readonly over: boolean;
  /** The request ends with trailers, not with its body. */
  readonly sendsTrailers: boolean;
  /** Fails the exchange, and returns true, if trailers are too long to be sent. */
  refuseTrailers(fields: readonly string[]): boolean;
}

/** Sends the body of a request, no faster than the peer takes it, then its trailers. */
export function sendBody(stream: ClientHttp2Stream, exchange: Exchange, sender: Sender): void {
  const { body } = exchange;
  if (sender.sendsTrailers) stream.on("wantTrailers", () => void sendTrailers(stream, exchange, sender));
  if (body.kind === "stream") return void sendChunks(stream, exchange, sender, body.chunks());
  const { bytes } = body;
  if (bytes !== undefined && bytes.byteLength > 0) return sendBytes(stream, exchange, sender, bytes);
  if (!stream.writableEnded) stream.end();
  ended(exchange, sender);
}

function sendBytes(stream: ClientHttp2Stream, exchange: Exchange, sender: Sender, bytes: Uint8Array): void {
  const room = stream.session?.remoteSettings.initialWindowSize ?? 65_535;
  if (bytes.byteLength > Math.min(wholeBytes, room)) return void sendChunks(stream, exchange, sender, [bytes]);
  exchange.progress();
  stream.end(bytes, whenWritten(exchange, sender));
}

/** Node calls it when all has been written to the connection, as far as the peer gave room; or when the stream has ended before. */
function whenWritten(exchange: Exchange, sender: Sender): (error?: Error | null) => void {
  return (error) => {
    if ((error === undefined || error === null) && !sender.over) ended(exchange, sender);
  };
}

/** The body has been written. Where trailers follow, they are to be made in no longer than another piece of it. */
function ended(exchange: Exchange, { sendsTrailers }: Sender): void {
  if (sendsTrailers) exchange.progress();
  else exchange.sent();
}

async function sendChunks(
  stream: ClientHttp2Stream,
  exchange: Exchange,
  sender: Sender,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const { bodyGapMs } = exchange.timeouts;
  let pace = startPace(roomOf(stream));
  // Already the first piece may find no room.
  exchange.progress();
  try {
    for await (const chunk of chunks) {
      let at = 0;
      do {
        if (stream.destroyed || stream.closed || sender.over) return;
        const piece = chunk.subarray(at, at + pace.aheadBytes);
        at += piece.byteLength;
        const startedAt = performance.now();
        const handedOver = stream.writableLength + piece.byteLength;
        if (handedOver < pace.aheadBytes) stream.write(piece);
        else {
          await written(stream, piece);
          if (sender.over) return;
          pace = nextPace(pace, handedOver, performance.now() - startedAt, bodyGapMs);
        }
        exchange.progress();
      } while (at < chunk.byteLength);
    }
  } catch (error) {
    if (!sender.over) exchange.failBody(error);
    return;
  }
  if (stream.destroyed || sender.over) return;
  stream.end(whenWritten(exchange, sender));
}

/** What may leave before the peer gives more room. */
function roomOf({ session }: ClientHttp2Stream): number {
  if (session === undefined) return 0;
  return Math.min(session.remoteSettings.initialWindowSize ?? 65_535, session.state.remoteWindowSize ?? 0);
}

/** Resolves when all that was handed over has left, or nobody is left to write to. */
function written(stream: ClientHttp2Stream, piece: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("close", done);
      resolve();
    };
    stream.on("close", done).write(piece, done);
  });
}

async function sendTrailers(stream: ClientHttp2Stream, exchange: Exchange, sender: Sender): Promise<void> {
  try {
    const trailers = await exchange.request.source.trailers?.();
    const flat: string[] = [];
    checkFields(trailers ?? {}, flat);
    if (stream.destroyed || sender.over || sender.refuseTrailers(flat)) return;
    stream.sendTrailers(gathered(flat));
    exchange.sent();
  } catch (error) {
    if (!sender.over) exchange.failBody(error);
  }
}

function gathered(flat: readonly string[]): Record<string, string[]> {
  const fields: Record<string, string[]> = {};
  for (let i = 0; i < flat.length; i += 2) (fields[flat[i] as string] ??= []).push(flat[i + 1] as string);
  return fields;
}
