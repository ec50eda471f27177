import type { Pipe } from "@holdfast/exchange";

/** Frames of `holdfast.mux.v1` begin with the length of the payload (24 bits), type (4), flags (4) and stream (32). */
const frameHeadBytes = 8;
const headersType = 1;

/** Bytes of the blocks of HEADERS in a message, which holds whole frames, without the 8 bytes before each. */
export function headBytesIn(message: Uint8Array): number {
  let counted = 0;
  for (let at = 0; at + frameHeadBytes <= message.byteLength;) {
    const [high = 0, middle = 0, low = 0, typeAndFlags = 0] = message.subarray(at, at + 4);
    const bytes = (high << 16) | (middle << 8) | low;
    if (typeAndFlags >> 4 === headersType) counted += bytes;
    at += frameHeadBytes + bytes;
  }
  return counted;
}

/** The pipe, which tells how many bytes of heads pass it. */
export function tapHeads(pipe: Pipe, received: (bytes: number) => void, sent: (bytes: number) => void): Pipe {
  return {
    ...pipe,
    start: (listener) =>
      pipe.start({
        message: (message) => {
          if (typeof message !== "string") received(headBytesIn(message));
          listener.message(message);
        },
        closed: (error) => listener.closed(error),
      }),
    send: (message, written) => {
      sent(headBytesIn(message));
      pipe.send(message, written);
    },
  };
}
