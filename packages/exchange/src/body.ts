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
      for await (const chunk of body.chunks()) {
        if (stream.closed || exchange.over) return;
        stream.write(chunk);
        if (!stream.hasRoom) await room.wait();
        exchange.progress();
      }
    }
    if (stream.closed || exchange.over) return;
    const { trailers } = request.source;
    if (trailers === undefined) return stream.end();
    const flat: string[] = [];
    checkFields((await trailers()) ?? {}, flat);
    stream.end(flat);
  } catch (error) {
    // That of a stream which was refused, or lost, says nothing of the attempt that follows it.
    if (!stream.closed) exchange.failBody(error);
  }
}
