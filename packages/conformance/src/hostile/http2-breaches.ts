import { ack, endHeaders, endStream, frame, frames, headerBlock, setting, uint } from "./frames.ts";

type Fields = readonly (readonly [string, string])[];
/** To the exchange on this stream. */
type Breach = (stream: number) => Buffer;

const ok: Fields = [[":status", "200"]];

function response(fields: Fields, body: string): Breach {
  return (stream) =>
    Buffer.concat([
      frame(frames.headers, stream, headerBlock(fields), endHeaders),
      frame(frames.data, stream, Buffer.from(body), endStream),
    ]);
}

/** What no server may send (RFC 9113), by name, frame for frame. */
export const http2Breaches: Readonly<Record<string, Breach>> = {
  "DATA on stream 0": () => frame(frames.data, 0, Buffer.alloc(0)),
  "DATA on a stream that nobody opened": () => frame(frames.data, 1_001, Buffer.from("x")),
  "DATA before the head": (stream) => frame(frames.data, stream, Buffer.from("ok"), endStream),
  "a frame that is too long": (stream) => frame(frames.data, stream, Buffer.alloc(100_000)),
  "HEADERS on stream 0": () => frame(frames.headers, 0, headerBlock(ok), endHeaders),
  "a head that cannot be decoded": (stream) => frame(frames.headers, stream, Buffer.alloc(4, 0xff), endHeaders),
  "CONTINUATION of nothing": (stream) => frame(frames.continuation, stream, headerBlock(ok), endHeaders),
  "RST_STREAM of a stream that nobody opened": () => frame(frames.resetStream, 1_001, uint(8, 4)),
  "RST_STREAM without a code": (stream) => frame(frames.resetStream, stream, Buffer.alloc(3)),
  "SETTINGS of half an entry": () => frame(frames.settings, 0, Buffer.alloc(5)),
  "SETTINGS on a stream": (stream) => frame(frames.settings, stream, Buffer.alloc(0)),
  "SETTINGS that are confirmed with something": () => frame(frames.settings, 0, Buffer.alloc(6), ack),
  "a frame size below 16,384": () =>
    frame(frames.settings, 0, Buffer.concat([uint(setting.frameBytes, 2), uint(16_383, 4)])),
  "a window beyond 2^31-1": () =>
    frame(frames.settings, 0, Buffer.concat([uint(setting.windowBytes, 2), uint(2 ** 31, 4)])),
  "a promise that nobody asked for": (stream) =>
    frame(frames.pushPromise, stream, Buffer.concat([uint(2, 4), headerBlock([[":path", "/"]])]), endHeaders),
  "a PING of 7 octets": () => frame(frames.ping, 0, Buffer.alloc(7)),
  "GOAWAY on a stream": (stream) => frame(frames.goAway, stream, Buffer.alloc(8)),
  "credit of 0": () => frame(frames.windowUpdate, 0, uint(0, 4)),
  "credit beyond 2^31-1": () => frame(frames.windowUpdate, 0, uint(2 ** 31 - 1, 4)),
  "no status": response([["a", "b"]], "ok"),
  "two statuses": response([...ok, ...ok], "ok"),
  "a status below 100": response([[":status", "099"]], "ok"),
  "a status above 599": response([[":status", "999"]], "ok"),
  "a switch of protocols": response([[":status", "101"]], "ok"),
  "a pseudo-field of requests": response([...ok, [":path", "/"]], "ok"),
  "a name in upper case": response([...ok, ["A", "b"]], "ok"),
  "a field of connections": response([...ok, ["connection", "close"]], "ok"),
  "a length that is too small": response([...ok, ["content-length", "1"]], "ok"),
  "a length that is too large": response([...ok, ["content-length", "3"]], "ok"),
  "interim heads without end": (stream) =>
    Buffer.concat(
      Array.from({ length: 100 }, () => frame(frames.headers, stream, headerBlock([[":status", "103"]]), endHeaders)),
    ),
  "a head that is too long": (stream) => {
    const part = headerBlock([["a", "b".repeat(10_000)]]);
    return Buffer.concat([
      frame(frames.headers, stream, headerBlock(ok)),
      ...Array.from({ length: 9 }, () => frame(frames.continuation, stream, part)),
      frame(frames.continuation, stream, part, endHeaders),
    ]);
  },
};
