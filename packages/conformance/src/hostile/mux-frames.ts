/** Types of frames of `holdfast.mux.v1` (PROTOCOL.md of `@holdfast/exchange`, 3). */
export const muxFrames = { data: 0, headers: 1, reset: 2, window: 3, goAway: 4, settings: 5, ping: 6 } as const;

/** Identifiers of its settings (PROTOCOL.md, 4). */
export const muxSetting = { streamWindow: 1, connectionWindow: 2, maxStreams: 3, maxFrame: 4, maxBlock: 5 } as const;

/** Its error codes (PROTOCOL.md, 6). */
export const muxCodes = { none: 0, protocol: 1, internal: 2, refused: 6, cancelled: 7, overload: 8 } as const;

/** Flag of DATA and HEADERS: no more follows on this stream. */
export const muxEnd = 1;
/** Flag of HEADERS: a 1xx head. */
export const muxInfo = 2;
/** Flag of PING: an answer. */
export const muxAck = 1;

/** The least window, and the one that holds until SETTINGS say another. */
export const muxLeastWindowBytes = 65_536;

/** The sub-protocol's name. */
export const muxProtocol = "holdfast.mux.v1";

/** A frame as it came. */
export interface MuxFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Name and value, in the order of the wire. */
export type MuxField = readonly [name: string, value: string];

/** The bytes of a frame, whatever sense it makes. */
export function muxFrame(type: number, stream: number, payload: Uint8Array = Buffer.alloc(0), flags = 0): Buffer {
  const head = Buffer.alloc(8);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head.writeUInt8((type << 4) | flags, 3);
  head.writeUInt32BE(stream, 4);
  return Buffer.concat([head, payload]);
}

/** The whole frames of a message. */
export function* readMuxFrames(message: Buffer): Generator<MuxFrame, void, void> {
  for (let at = 0; at + 8 <= message.byteLength;) {
    const end = at + 8 + message.readUIntBE(at, 3);
    const octet = message.readUInt8(at + 3);
    const stream = message.readUInt32BE(at + 4);
    yield { type: octet >> 4, flags: octet & 15, stream, payload: message.subarray(at + 8, end) };
    at = end;
  }
}

/** A block of fields: two lengths of 16 bits, name, value (PROTOCOL.md, 5). */
export function muxBlock(fields: Iterable<MuxField>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of fields) {
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16BE(name.length, 0);
    lengths.writeUInt16BE(value.length, 2);
    parts.push(lengths, Buffer.from(name, "latin1"), Buffer.from(value, "latin1"));
  }
  return Buffer.concat(parts);
}

/** The fields of a block. */
export function readMuxBlock(block: Buffer): MuxField[] {
  const fields: MuxField[] = [];
  for (let at = 0; at < block.byteLength;) {
    const nameEnd = at + 4 + block.readUInt16BE(at);
    const end = nameEnd + block.readUInt16BE(at + 2);
    fields.push([block.toString("latin1", at + 4, nameEnd), block.toString("latin1", nameEnd, end)]);
    at = end;
  }
  return fields;
}
