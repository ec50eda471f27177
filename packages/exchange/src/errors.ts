import type { Failure } from "@holdfast/pool";
import { type Phase, type Protocol, type Target, TransportError, type TransportErrorCode } from "@holdfast/transport";
import { muxCode, muxSubprotocol } from "./frames.ts";

// ---- no connection

/** What of a connection in the making goes into its errors. */
export interface Endpoints {
  readonly target: Target;
  readonly protocol: Protocol;
}

export function settingsTimeout(of: Endpoints, timeoutMs: number): TransportError {
  const message = `no connection to ${of.target.origin} within ${timeoutMs} ms (timeouts.connectMs): the peer sent no SETTINGS`;
  return notSent("CONNECT_TIMEOUT", message, of, undefined);
}

export function dialTimeout(of: Endpoints, timeoutMs: number, phase: Phase): TransportError {
  const message = `no connection to ${of.target.origin} within ${timeoutMs} ms (timeouts.connectMs)`;
  return notSent("CONNECT_TIMEOUT", message, of, undefined, phase);
}

export function aborted(of: Endpoints, reason: unknown): TransportError {
  return notSent("ABORTED", `nobody waits for the connection to ${of.target.origin} any more`, of, reason);
}

export function notConnected(of: Endpoints, cause: unknown): TransportError {
  return notSent("CONNECT_FAILED", `no connection to ${of.target.origin}`, of, cause, "connect");
}

export function closedBeforeSettings(of: Endpoints, cause: Error | undefined): TransportError {
  return notSent("CONNECT_FAILED", `${of.target.origin} closed the connection before its SETTINGS`, of, cause);
}

export function otherProtocol(of: Endpoints, cause: Error): TransportError {
  const message = `${of.target.origin} does not speak ${muxSubprotocol}: ${cause.message}`;
  return notSent("NEGOTIATION_FAILED", message, of, cause);
}

function notSent(
  code: TransportErrorCode,
  message: string,
  { target: { origin }, protocol }: Endpoints,
  cause: unknown,
  phase: Phase = "secure",
): TransportError {
  return new TransportError(code, message, { delivery: "not-sent", phase, protocol, origin, cause });
}

// ---- no stream

export function unopened(): Failure {
  return { code: "CONNECTION_LOST", message: "the connection ended before it could take the exchange" };
}

export function headTooLong(maxBytes: number): Failure {
  return { code: "LIMIT_EXCEEDED", message: `the peer takes no request head longer than ${maxBytes} bytes` };
}

// ---- a stream that ended before its response did

export function streamReset(code: number, reason: string, byPeer: boolean, headSeen: boolean): Failure {
  const why = reason === "" ? `code ${code}` : `code ${code}: ${reason}`;
  const because = { cause: new Error(`RESET, ${why}`) };
  if (!byPeer) {
    if (code === muxCode.frameSize)
      return { code: "LIMIT_EXCEEDED", message: `${reason} (limits.headBytes)`, ...because };
    return { code: "PROTOCOL_ERROR", message: reason, ...because };
  }
  if (!headSeen && code === muxCode.refused) {
    return { code: "REFUSED", message: "the peer refused the stream", refused: true, ...because };
  }
  if (code === muxCode.deadline) {
    return {
      code: "DEADLINE_EXCEEDED",
      message: "the peer ended the exchange at its deadline (deadlineMs)",
      ...because,
    };
  }
  if (!headSeen && code === muxCode.frameSize) {
    const message = `the peer reset the stream (${why}): a head is too long for the other end (limits.headBytes)`;
    return { code: "LIMIT_EXCEEDED", message, responded: true, ...because };
  }
  if (headSeen)
    return { code: "TRUNCATED", message: `the response ended before its body did (RESET, ${why})`, ...because };
  return { code: "STREAM_RESET", message: `the peer reset the stream (${why})`, responded: true, ...because };
}

export function connectionLost(refused: boolean, cause: Error | undefined, headSeen: boolean): Failure {
  const because = cause === undefined ? {} : { cause };
  if (refused && !headSeen) {
    return {
      code: "REFUSED",
      message: "the peer said goodbye before it looked at the stream",
      refused: true,
      ...because,
    };
  }
  if (headSeen) return { code: "TRUNCATED", message: "the connection ended before the response did", ...because };
  return { code: "CONNECTION_LOST", message: "the connection ended before a response", ...because };
}

export function wrongLength(expected: number, received: number): Failure {
  const message = `the response says ${expected} bytes and has ${received}`;
  return received < expected ? { code: "TRUNCATED", message } : { code: "PROTOCOL_ERROR", message };
}

export function protocolError(message: string): Failure {
  return { code: "PROTOCOL_ERROR", message };
}

// ---- at the answering end

/** For who reads the body of a request whose client has left, or whose deadline has passed. */
export function requestOver(protocol: Protocol, origin: string, cause: unknown): TransportError {
  return new TransportError("ABORTED", "the client gave up before it had sent all of the request", {
    delivery: "maybe-sent",
    phase: "body",
    protocol,
    origin,
    cause,
  });
}

/** The head of an answer. */
export class HeadTooLong extends TypeError {
  constructor() {
    super("the head is longer than the client takes");
  }
}

/** Whether an error says no more than that a request was given up, for `reason`. */
export function isConsequence(error: unknown, reason: unknown): boolean {
  return error === reason || (error instanceof Error && error.cause !== undefined && error.cause === reason);
}

export function requestTooLong(protocol: Protocol, origin: string, maxBytes: number): TransportError {
  return new TransportError(
    "LIMIT_EXCEEDED",
    `the request body is longer than ${maxBytes} bytes (maxBytes, limits.bodyBytes)`,
    {
      delivery: "maybe-sent",
      phase: "body",
      protocol,
      origin,
    },
  );
}
