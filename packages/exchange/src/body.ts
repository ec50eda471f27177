import type { Exchange } from "@holdfast/pool";
import { checkFields } from "@holdfast/transport";
import type { MuxStream } from "./mux-stream.ts";
import type { Room } from "./room.ts";

/** Sends the body of a request, no faster than the peer takes it, then its trailers. */
export async function sendBody(stream: MuxStream, exchange: Exchange, room: Room): Promise<void> {
  const { body, request } = exchange;
  try {
    if (body.bytes !== undefined) stream.write(body.bytes);
    else if (body.kind === "stream") {
      let left = declaredBytes(request.headers);
      for await (const chunk of body.chunks()) {
        if (stream.closed || exchange.over) return;
        if ((left -= chunk.byteLength) < 0) throw new TypeError("the request body is longer than its content-length");
        stream.write(chunk);
        if (!stream.hasRoom) await room.wait();
        exchange.progress();
      }
      if (left > 0 && left !== Infinity) throw new TypeError("the request body is shorter than its content-length");
    }
    if (stream.closed || exchange.over) return;
    const { trailers } = request.source;
    if (trailers === undefined) return stream.end();
    const flat: string[] = [];
    checkFields((await trailers()) ?? {}, flat);
    stream.end(flat);
  } catch (error) {
    exchange.failBody(error);
  }
}

/** By content-length; infinite when nothing was said. */
function declaredBytes(headers: readonly string[]): number {
  for (let i = 0; i < headers.length; i += 2) if (headers[i] === "content-length") return Number(headers[i + 1]);
  return Infinity;
}
