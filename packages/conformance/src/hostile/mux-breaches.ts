import { muxBlock, muxEnd, type MuxField, muxFrame, muxFrames, muxSetting } from "./mux-frames.ts";

/** To the exchange on this stream. */
type Breach = (stream: number) => Buffer;

const ok: MuxField = [":status", "200"];

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32BE(value, 4 * at));
  return bytes;
}

function settings(id: number, value: number): Breach {
  const entry = Buffer.alloc(6);
  entry.writeUInt16BE(id, 0);
  entry.writeUInt32BE(value, 2);
  return () => muxFrame(muxFrames.settings, 0, entry);
}

function response(...fields: readonly MuxField[]): Breach {
  return (stream) =>
    Buffer.concat([
      muxFrame(muxFrames.headers, stream, muxBlock(fields)),
      muxFrame(muxFrames.data, stream, Buffer.from("ok"), muxEnd),
    ]);
}

/** What no server may send (PROTOCOL.md of `@holdfast/exchange`), by name, frame for frame. */
export const muxBreaches: Readonly<Record<string, Breach>> = {
  "DATA on stream 0": () => muxFrame(muxFrames.data, 0),
  "an empty message": () => Buffer.alloc(0),
  "half a header": () => Buffer.alloc(4),
  "a payload that is cut": () => muxFrame(muxFrames.ping, 0, Buffer.alloc(8)).subarray(0, 15),
  "HEADERS on stream 0": () => muxFrame(muxFrames.headers, 0, muxBlock([ok])),
  "RESET on stream 0": () => muxFrame(muxFrames.reset, 0, numbers(0)),
  "a RESET without a code": (stream) => muxFrame(muxFrames.reset, stream, Buffer.alloc(3)),
  "RESET of a stream that nobody opened": () => muxFrame(muxFrames.reset, 1_001, numbers(0)),
  "WINDOW of a stream that nobody opened": () => muxFrame(muxFrames.window, 1_001, numbers(1)),
  "DATA of a stream that nobody opened": () => muxFrame(muxFrames.data, 1_001, Buffer.from("x")),
  "DATA before the head": (stream) => muxFrame(muxFrames.data, stream, Buffer.from("ok"), muxEnd),
  "GOAWAY on a stream": (stream) => muxFrame(muxFrames.goAway, stream, numbers(0, 0)),
  "a GOAWAY without a code": () => muxFrame(muxFrames.goAway, 0, numbers(0)),
  "SETTINGS on a stream": (stream) => muxFrame(muxFrames.settings, stream),
  "SETTINGS of half an entry": () => muxFrame(muxFrames.settings, 0, Buffer.alloc(7)),
  "a window that shrinks": settings(muxSetting.streamWindow, 65_535),
  "a window beyond 2^31-1": settings(muxSetting.streamWindow, 2 ** 31),
  "a frame size that shrinks": settings(muxSetting.maxFrame, 16_383),
  "PING on a stream": (stream) => muxFrame(muxFrames.ping, stream, Buffer.alloc(8)),
  "a PING of 7 octets": () => muxFrame(muxFrames.ping, 0, Buffer.alloc(7)),
  "credit of 0": () => muxFrame(muxFrames.window, 0, numbers(0)),
  "a frame that is too long": (stream) => muxFrame(muxFrames.data, stream, Buffer.alloc(16_385)),
  "no status": response(["a", "b"]),
  "a status below 100": response([":status", "099"]),
  "a status above 599": response([":status", "999"]),
  "a head that is cut": (stream) => muxFrame(muxFrames.headers, stream, muxBlock([ok]).subarray(0, -1)),
};
