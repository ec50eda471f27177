/** Frames of holdfast.mux.v1 made and read by hand, from PROTOCOL.md alone: nothing here is shared with the sources. */

export const type = { data: 0, headers: 1, reset: 2, window: 3, goAway: 4, settings: 5, ping: 6 } as const;
export const end = 1;
export const info = 2;
export const ack = 1;

export type Pairs = readonly (readonly [name: string, value: string])[];

export function frame(kind: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(8);
  header.writeUIntBE(payload.byteLength, 0, 3);
  header.writeUInt8(kind * 16 + flags, 3);
  header.writeUInt32BE(stream, 4);
  return Buffer.concat([header, payload]);
}

export function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
  return bytes;
}

export function block(pairs: Pairs): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => {
      const lengths = Buffer.alloc(4);
      lengths.writeUInt16BE(name.length, 0);
      lengths.writeUInt16BE(value.length, 2);
      return [lengths, Buffer.from(name, "latin1"), Buffer.from(value, "latin1")];
    }),
  );
}

export function data(stream: number, bytes: Uint8Array | string | number, flags = 0): Buffer {
  const payload = typeof bytes === "number" ? Buffer.alloc(bytes, 120) : Buffer.from(bytes as string);
  return frame(type.data, flags, stream, payload);
}

/** Each as `name=value`. */
export function fields(...texts: readonly string[]): Pairs {
  return texts.map((text) => {
    const at = text.indexOf("=");
    return [text.slice(0, at), text.slice(at + 1)];
  });
}

export function headers(stream: number, pairs: Pairs, flags = 0): Buffer {
  return frame(type.headers, flags, stream, block(pairs));
}

/** A request's head. */
export function ask(stream: number, flags: number = end, more: Pairs = [], path = "/", method = "GET"): Buffer {
  const pairs: Pairs = [[":method", method], [":path", path], [":authority", "a.example"], ...more];
  return headers(stream, pairs, flags);
}

/** A response's head. */
export function answer(stream: number, flags: number = end, more: Pairs = [], status = 200): Buffer {
  return headers(stream, [[":status", String(status)], ...more], flags);
}

export function reset(stream: number, code: number, reason = ""): Buffer {
  return frame(type.reset, 0, stream, Buffer.concat([numbers(code), Buffer.from(reason)]));
}

export function window(stream: number, increment: number): Buffer {
  return frame(type.window, 0, stream, numbers(increment));
}

export function goAway(last: number, code = 0, reason = ""): Buffer {
  return frame(type.goAway, 0, 0, Buffer.concat([numbers(last, code), Buffer.from(reason)]));
}

/** By id. */
export function settings(values: Readonly<Record<number, number>> = {}): Buffer {
  const payload = Buffer.concat(
    Object.entries(values).map(([id, value]) => {
      const entry = Buffer.alloc(6);
      entry.writeUInt16BE(Number(id), 0);
      entry.writeUInt32BE(value, 2);
      return entry;
    }),
  );
  return frame(type.settings, 0, 0, payload);
}

export function ping(opaque = "12345678", flags = 0): Buffer {
  return frame(type.ping, flags, 0, Buffer.from(opaque));
}

export interface WireFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function readWire(message: Uint8Array): WireFrame[] {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const frames: WireFrame[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    const length = bytes.readUIntBE(at, 3);
    const octet = bytes.readUInt8(at + 3);
    const payload = bytes.subarray(at + 8, at + 8 + length);
    if (payload.byteLength < length) throw new Error("what was sent is cut");
    frames.push({ type: octet >> 4, flags: octet & 15, stream: bytes.readUInt32BE(at + 4), payload });
    at += 8 + length;
  }
  return frames;
}

/** The fields of a block. */
export function readPairs(payload: Buffer): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at < payload.byteLength;) {
    const name = payload.readUInt16BE(at);
    const value = payload.readUInt16BE(at + 2);
    const valueAt = at + 4 + name;
    pairs.push([payload.toString("latin1", at + 4, valueAt), payload.toString("latin1", valueAt, valueAt + value)]);
    at = valueAt + value;
  }
  return pairs;
}
