import { maxWindowBytes, muxCode, type Violation } from "./frames.ts";

/** What one side lets the other do. PROTOCOL.md, 4. */
export interface Settings {
  /** DATA that may be on its way on one stream. */
  readonly streamWindow: number;
  /** DATA that may be on its way on all of them. */
  readonly connectionWindow: number;
  /** Streams that the other side may have open at a time. */
  readonly maxStreams: number;
  /** Bytes of the payload of one DATA frame. */
  readonly maxFrame: number;
  /** Bytes of one HEADERS block. */
  readonly maxBlock: number;
}

/** What holds until a side has said otherwise. */
export const initialSettings: Settings = Object.freeze({
  streamWindow: 65_536,
  connectionWindow: 65_536,
  maxStreams: 100,
  maxFrame: 16_384,
  maxBlock: 65_536,
});

/** Their ids on the wire, from 1. */
const order: readonly (keyof Settings)[] = ["streamWindow", "connectionWindow", "maxStreams", "maxFrame", "maxBlock"];
const entryBytes = 6;

export const settingsBytes: number = order.length * entryBytes;

export function writeSettings(settings: Settings, into: Buffer, at: number): void {
  for (const [i, name] of order.entries()) {
    into.writeUInt16BE(i + 1, at + i * entryBytes);
    into.writeUInt32BE(settings[name], at + i * entryBytes + 2);
  }
}

/** What holds once `payload` was read; ids that nobody here knows are passed over. `before`: what the peer had said. */
export function readSettings(payload: Buffer, before: Settings | undefined): Settings | Violation {
  if (payload.byteLength % entryBytes !== 0) {
    return { code: muxCode.frameSize, reason: "SETTINGS are not pairs of an id and a value" };
  }
  const settings: { -readonly [K in keyof Settings]: Settings[K] } = { ...(before ?? initialSettings) };
  for (let at = 0; at < payload.byteLength; at += entryBytes) {
    const name = order[payload.readUInt16BE(at) - 1];
    if (name !== undefined) settings[name] = payload.readUInt32BE(at + 2);
  }
  const wrong = fault(settings, before);
  return wrong === undefined ? settings : { code: muxCode.protocol, reason: wrong };
}

/** Windows and the size of a frame only grow, those of a block too once they were said: what was sent under the old ones may be on its way. */
function fault(
  { streamWindow, connectionWindow, maxFrame, maxBlock }: Settings,
  before: Settings | undefined,
): string | undefined {
  const least = before ?? initialSettings;
  if (streamWindow > maxWindowBytes || connectionWindow > maxWindowBytes) return "a window is over 2147483647";
  if (maxFrame > 65_535) return "a DATA frame may be over 65535 bytes";
  if (streamWindow < least.streamWindow || connectionWindow < least.connectionWindow) return "a window was lowered";
  if (maxFrame < least.maxFrame) return "a size was lowered";
  if (before !== undefined && maxBlock < before.maxBlock) return "a size was lowered";
  return undefined;
}
