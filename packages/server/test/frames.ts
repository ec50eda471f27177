/** Frames of HTTP/2 by hand (RFC 9113, 4.1), for what no well-behaved client sends. */
export function frame(type: number, stream: number, payload: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const preface: Buffer = opening(Buffer.alloc(0));

/** A preface whose SETTINGS give every stream a window of so many bytes. */
export function prefaceWithWindow(bytes: number): Buffer {
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(0x4);
  setting.writeUInt32BE(bytes, 2);
  return opening(setting);
}

function opening(settings: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, settings)]);
}

/** A whole GET: HEADERS with END_STREAM and END_HEADERS, literals that no table remembers. */
export function get(stream: number, path: string): Buffer {
  return frame(1, stream, block({ ":method": "GET", ":scheme": "http", ":authority": "a", ":path": path }), 0x5);
}

/** HEADERS of a request that goes on. */
export function post(stream: number, path: string): Buffer {
  return frame(1, stream, block({ ":method": "POST", ":scheme": "http", ":authority": "a", ":path": path }), 0x4);
}

export function reset(stream: number, code: number): Buffer {
  return frame(3, stream, uint32(code));
}

/** Gives a stream, or with 0 the connection, so many bytes more. */
export function windowUpdate(stream: number, bytes: number): Buffer {
  return frame(8, stream, uint32(bytes));
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The whole frames in what a server has sent. */
export function framesIn(bytes: Buffer): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + 9 <= bytes.byteLength;) {
    const length = bytes.readUIntBE(at, 3);
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, at + 9 + length),
    });
    at += 9 + length;
  }
  return frames;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function block(fields: Readonly<Record<string, string>>): Buffer {
  const text = (value: string): readonly Buffer[] => [Buffer.from([value.length]), Buffer.from(value)];
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), ...text(name), ...text(value)]),
  );
}
