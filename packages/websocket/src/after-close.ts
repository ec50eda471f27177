import { type ChannelClosed, isTransportError, type TransportErrorCode } from "@holdfast/transport";

/**
 * What a subscription does when its channel is gone: `end`, go on with another soon or `late`, or `fail`.
 */
export type AfterClose = "end" | "soon" | "late" | "fail";

/** The peer, or the way to it, is not there now: going away, no code, lost, unforeseen, restarting, a bad gateway. */
const passing: ReadonlySet<number> = new Set([1_001, 1_005, 1_006, 1_011, 1_012, 1_014]);
const tryLater = 1_013;

/** By the close code (RFC 6455, 7.4, and IANA's registry). Only 1000 says that nothing more comes. */
export function afterClose({ code }: Pick<ChannelClosed, "code">): AfterClose {
  if (code === 1_000) return "end";
  if (passing.has(code)) return "soon";
  return code === tryLater ? "late" : "fail";
}

/** Those of a peer, or a way to it, that may be there again. */
const passingErrors: ReadonlySet<TransportErrorCode> = new Set([
  "CONNECTION_LOST",
  "CONNECT_FAILED",
  "CONNECT_TIMEOUT",
  "RESOLVE_FAILED",
  "QUEUE_FULL",
]);

/** A channel that could not be opened, or that broke. */
export function afterError(error: unknown): AfterClose {
  return isTransportError(error) && passingErrors.has(error.code) ? "soon" : "fail";
}

/** Something that was done with a channel failed because that is closed, or is being closed. `ended`: it is. */
export function failedByClose(error: unknown, ended: boolean): boolean {
  if (!isTransportError(error)) return ended;
  return error.code === "CLOSED" && error.delivery === "not-sent";
}

/** The code of the error for a close that nothing helps against. */
export function codeOfClose(code: number): TransportErrorCode {
  if (code === 1_009) return "LIMIT_EXCEEDED";
  return code === 1_002 || code === 1_003 || code === 1_007 ? "PROTOCOL_ERROR" : "CONNECTION_LOST";
}
