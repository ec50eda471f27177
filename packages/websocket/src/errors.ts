import { isTlsFailure, tlsReason } from "@holdfast/dial";
import type { SocketFailure } from "@holdfast/exchange";
import type { Failure } from "@holdfast/pool";
import { type Target, TransportError, type TransportErrorCode, type TransportErrorFacts } from "@holdfast/transport";
import { maxFragments } from "./options.ts";

/** The only readers of the error codes and messages of ws and of node's HTTP parser are here. */

export function upgradeTimeout(target: Target, timeoutMs: number): TransportError {
  const message = `no connection to ${target.origin} within ${timeoutMs} ms (timeouts.connectMs): the peer did not answer the upgrade`;
  return notSent("CONNECT_TIMEOUT", message, target);
}

/** None was tried, because those before it had failed. */
export function dialHeld(target: Target, timeoutMs: number, last: TransportError | undefined): TransportError {
  const { origin } = target;
  const message = `no connection to ${origin} within ${timeoutMs} ms (timeouts.connectMs): those before failed, and the wait for the next is longer (reconnect)`;
  return channelError("CONNECT_TIMEOUT", message, target, { delivery: "not-sent", phase: "connect", cause: last });
}

export function aborted(target: Target, reason: unknown): TransportError {
  return notSent("ABORTED", `nobody waits for the connection to ${target.origin} any more`, target, reason);
}

/** Too many requests, a bad gateway, out of service, a gateway that waited in vain: another time it may be taken. */
const passingStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** The peer answered the upgrade with something else. */
export function notUpgraded(target: Target, status: number): TransportError {
  const { origin } = target;
  const busy = passingStatuses.has(status);
  const message = busy
    ? `${origin} takes no connections now: it answered the upgrade with ${status}`
    : `${origin} does not take this upgrade: it answered with ${status}`;
  return notSent(busy ? "CONNECT_FAILED" : "NEGOTIATION_FAILED", message, target);
}

export function upgradeFailed(target: Target, cause: NodeJS.ErrnoException, headBytes: number): TransportError {
  const { origin } = target;
  const { code = "" } = cause;
  if (code === "HPE_HEADER_OVERFLOW") {
    const message = `${origin} answered the upgrade with a head of more than ${headBytes} bytes (limits.headBytes)`;
    return notSent("LIMIT_EXCEEDED", message, target, cause);
  }
  // Over TLS 1.3 a client certificate is refused only after the handshake.
  if (isTlsFailure(cause)) return notSent("TLS_FAILED", `no TLS with ${origin}: ${tlsReason(cause)}`, target, cause);
  if (code.startsWith("HPE_")) {
    return notSent("NEGOTIATION_FAILED", `${origin} does not speak WebSocket: what it sent is no HTTP`, target, cause);
  }
  // ws's own errors about the answer have no code.
  if (code === "" && cause.message !== "socket hang up") {
    return notSent("NEGOTIATION_FAILED", `${origin} does not take this upgrade: ${cause.message}`, target, cause);
  }
  return notSent("CONNECT_FAILED", `${origin} closed the connection before it answered the upgrade`, target, cause);
}

function notSent(code: TransportErrorCode, message: string, target: Target, cause?: unknown): TransportError {
  return channelError(code, message, target, { delivery: "not-sent", phase: "secure", cause });
}

// ---- channels

export function channelError(
  code: TransportErrorCode,
  message: string,
  { origin }: Pick<Target, "origin">,
  facts: Pick<TransportErrorFacts, "delivery" | "phase" | "elapsedMs" | "cause">,
): TransportError {
  return new TransportError(code, message, { ...facts, protocol: "websocket", origin });
}

/** A message that is longer than we take, and one that says so in more bits than there can be. */
const lengthCodes: readonly string[] = ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"];

/** What an error of an open socket means: the peer sent too much, or nonsense. */
export function socketFailure(error: Error, messageBytes: number): SocketFailure {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (lengthCodes.includes(code)) {
    const message = `the peer sent a message longer than ${messageBytes} bytes (limits.messageBytes)`;
    return { code: "LIMIT_EXCEEDED", message };
  }
  if (code === "WS_ERR_TOO_MANY_BUFFERED_PARTS")
    return { code: "LIMIT_EXCEEDED", message: `the peer sent a message in more than ${maxFragments} fragments` };
  if (code.startsWith("WS_ERR_"))
    return { code: "PROTOCOL_ERROR", message: `the peer broke the WebSocket protocol: ${error.message}` };
  return { code: "CONNECTION_LOST", message: `the connection was lost${code === "" ? "" : ` (${code})`}` };
}

// ---- calls of JSON-RPC

export function noMethod(): Failure {
  return {
    code: "UNSUPPORTED",
    message: "a call of JSON-RPC is a POST, and its path, without a query, names the method",
  };
}

export function bodyTooLong(maxBytes: number): Failure {
  return { code: "LIMIT_EXCEEDED", message: `the body is longer than ${maxBytes} bytes (limits.sendBufferBytes)` };
}

export function bodyNoParams(): TypeError {
  return new TypeError("the body is not a JSON object or array, which params are (JSON-RPC 2.0, 4.2)");
}

export function badMessage(cause: Error): Failure {
  return { code: "PROTOCOL_ERROR", message: `a message of the peer is no answer: ${cause.message}`, cause };
}

/** The socket was closing when it came. */
export function callUnsent(): Failure {
  return { code: "CONNECTION_LOST", message: "the connection ended before it could take the call" };
}

export function callLost(cause: Error, messageBytes: number): Failure {
  const failure = socketFailure(cause, messageBytes);
  if (failure.code !== "CONNECTION_LOST") return { ...failure, cause };
  return { code: "CONNECTION_LOST", message: "the connection ended before a response", cause };
}
