import { ackFlag, endFlag, frameType, headerBytes, infoFlag, muxCode, type Violation } from "./frames.ts";

/** Who is told of the frames of a message, in their order. Each may find that the peer broke the rules. */
export interface FrameSink {
  /** Whether anything but SETTINGS may come. */
  readonly settled: boolean;
  /** Reading stops when it turns true. */
  readonly over: boolean;
  onData(stream: number, payload: Buffer, isEnd: boolean): Violation | undefined;
  onHeaders(stream: number, block: Buffer, isInfo: boolean, isEnd: boolean): Violation | undefined;
  onReset(stream: number, code: number, reason: string): Violation | undefined;
  onWindow(stream: number, increment: number): Violation | undefined;
  onGoAway(lastStream: number, code: number, reason: string): Violation | undefined;
  onSettings(payload: Buffer): Violation | undefined;
  onPing(opaque: Buffer, isAnswer: boolean): Violation | undefined;
  /** A type that nobody knows yet. */
  onUnknown(): Violation | undefined;
}

/** What of a peer's reason is kept. */
const maxReasonBytes = 256;

/** Reads a message, which holds one or more whole frames (PROTOCOL.md, 2). */
export function readFrames(message: Buffer, sink: FrameSink): Violation | undefined {
  const { byteLength } = message;
  if (byteLength === 0) return { code: muxCode.protocol, reason: "an empty message" };
  let at = 0;
  while (at < byteLength) {
    const start = at + headerBytes;
    if (start > byteLength) return cut;
    const end =
      start + (((message[at] as number) << 16) | ((message[at + 1] as number) << 8) | (message[at + 2] as number));
    if (end > byteLength) return cut;
    const octet = message[at + 3] as number;
    const violation = readFrame(octet >> 4, octet & 15, message.readUInt32BE(at + 4), message, start, end, sink);
    if (violation !== undefined) return violation;
    if (sink.over) return undefined;
    at = end;
  }
  return undefined;
}

function readFrame(
  type: number,
  flags: number,
  stream: number,
  message: Buffer,
  start: number,
  end: number,
  sink: FrameSink,
): Violation | undefined {
  if (!sink.settled && type !== frameType.settings) {
    return { code: muxCode.protocol, reason: "the first frame is not SETTINGS" };
  }
  const bytes = end - start;
  switch (type) {
    case frameType.data:
      if (stream === 0) return astray;
      return sink.onData(stream, message.subarray(start, end), (flags & endFlag) !== 0);
    case frameType.headers:
      if (stream === 0) return astray;
      return sink.onHeaders(stream, message.subarray(start, end), (flags & infoFlag) !== 0, (flags & endFlag) !== 0);
    case frameType.reset:
      if (stream === 0) return astray;
      if (bytes < 4) return wrongSize;
      return sink.onReset(stream, message.readUInt32BE(start), text(message, start + 4, end));
    case frameType.window:
      if (bytes !== 4) return wrongSize;
      return sink.onWindow(stream, message.readUInt32BE(start));
    case frameType.goAway:
      if (stream !== 0) return astray;
      if (bytes < 8) return wrongSize;
      return sink.onGoAway(message.readUInt32BE(start), message.readUInt32BE(start + 4), text(message, start + 8, end));
    case frameType.settings:
      if (stream !== 0) return astray;
      return sink.onSettings(message.subarray(start, end));
    case frameType.ping:
      if (stream !== 0) return astray;
      if (bytes !== 8) return wrongSize;
      return sink.onPing(message.subarray(start, end), (flags & ackFlag) !== 0);
    default:
      return sink.onUnknown();
  }
}

const cut: Violation = { code: muxCode.frameSize, reason: "a frame is cut" };
const wrongSize: Violation = { code: muxCode.frameSize, reason: "a frame has not the size of its kind" };
const astray: Violation = { code: muxCode.protocol, reason: "a frame of a stream on stream 0, or the other way round" };

/** A peer's reason goes into messages and logs: it is bounded, and cannot break a line. */
function text(message: Buffer, start: number, end: number): string {
  if (start === end) return "";
  return message.toString("utf8", start, Math.min(end, start + maxReasonBytes)).replace(/\p{Cc}/gu, " ");
}
