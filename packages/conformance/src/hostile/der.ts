/** The few forms of DER (X.690) that a certificate is made of: tag, length, content. */
export function tlv(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag]), lengthOf(bytes.byteLength), bytes]);
}

export function sequence(...content: readonly Uint8Array[]): Buffer {
  return tlv(0x30, ...content);
}

export function octets(...content: readonly Uint8Array[]): Buffer {
  return tlv(0x04, ...content);
}

/** Whole bytes: no bit is left unused. */
export function bits(content: Uint8Array): Buffer {
  return tlv(0x03, Buffer.from([0]), content);
}

export function boolean(value: boolean): Buffer {
  return tlv(0x01, Buffer.from([value ? 0xff : 0]));
}

/** A number that is not negative, its bytes as they stand. */
export function integer(bytes: Uint8Array): Buffer {
  return tlv(0x02, (bytes[0] ?? 0) > 0x7f ? Buffer.from([0]) : Buffer.alloc(0), bytes);
}

export function text(value: string): Buffer {
  return tlv(0x0c, Buffer.from(value));
}

/** In dots: `2.5.4.3`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tlv(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** Seconds, UTC; years before 2050 with two digits, as RFC 5280, 4.1.2.5 wants it. */
export function time(date: Date): Buffer {
  const digits = `${date.toISOString().replaceAll(/[-:T]|\..*/g, "")}Z`;
  return date.getUTCFullYear() < 2050 ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.from(bytes);
}
