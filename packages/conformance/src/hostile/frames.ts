/** Types of frames (RFC 9113, 6). */
export const frames = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Identifiers of settings (RFC 9113, 6.5.2). */
export const setting = { push: 2, maxStreams: 3, windowBytes: 4, frameBytes: 5, headBytes: 6 } as const;

/** Flag of DATA and HEADERS. */
export const endStream = 0x1;
/** Flag of SETTINGS and PING. */
export const ack = 0x1;
/** Flag of HEADERS, PUSH_PROMISE and CONTINUATION. */
export const endHeaders = 0x4;

/** A frame as it came (RFC 9113, 4.1). */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The bytes of a frame, whatever sense it makes. */
export function frame(type: number, stream: number, payload: Uint8Array, flags = 0): Buffer {
  return Buffer.concat([uint(payload.byteLength, 3), Buffer.from([type, flags]), uint(stream, 4), payload]);
}

/** A block of fields as HPACK has it: literals that no table remembers (RFC 7541, 6.2.2). */
export function headerBlock(fields: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string): Buffer[] => [length(value.length), Buffer.from(value, "latin1")];
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), ...text(name), ...text(value)]));
}

/** An integer with a prefix of 7 bits (RFC 7541, 5.1). */
function length(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** A number in network order. */
export function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
