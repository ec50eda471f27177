import { TransportError, type Phase, type Target, type TransportErrorCode } from "@holdfast/transport";

/** What went wrong; the exchange adds where it was and what the handler can have seen. */
export interface Failure {
  readonly code: TransportErrorCode;
  readonly message: string;
  /** Present even if undefined: a caller may abort or throw with no value. */
  readonly cause?: unknown;
}

export const aborted = (origin: string, cause: unknown): Failure => ({
  code: "ABORTED",
  message: `the exchange with ${origin} was aborted by the caller`,
  cause,
});

export const callerFailed = (origin: string, what: string, cause: unknown): Failure => ({
  code: "ABORTED",
  message: `the exchange with ${origin} was given up, because the caller's ${what} failed`,
  cause,
});

export const deadlineExceeded = (origin: string, ms: number): Failure => ({
  code: "DEADLINE_EXCEEDED",
  message: `the exchange with ${origin} did not end within ${ms} ms (deadlineMs)`,
});

export const queueFull = (origin: string, max: number): Failure => ({
  code: "QUEUE_FULL",
  message: `${max} exchanges wait for ${origin} already (maxQueued)`,
});

export const queueTimeout = (origin: string, ms: number): Failure => ({
  code: "QUEUE_TIMEOUT",
  message: `no room for an exchange with ${origin} within ${ms} ms (timeouts.queueMs)`,
});

export const headTimeout = (origin: string, ms: number): Failure => ({
  code: "HEAD_TIMEOUT",
  message: `no response head from ${origin} within ${ms} ms (timeouts.headMs)`,
});

export const bodyTimeout = (origin: string, body: "request" | "response", ms: number): Failure => ({
  code: "BODY_TIMEOUT",
  message: `the ${body} body of an exchange with ${origin} stood still for ${ms} ms (timeouts.bodyGapMs)`,
});

export const handlerFailed = (origin: string, cause: unknown): Failure => ({
  code: "STREAM_RESET",
  message: `the handler failed before it answered an exchange with ${origin}`,
  cause,
});

export const badResponse = (origin: string, cause: unknown): Failure => ({
  code: "PROTOCOL_ERROR",
  message: `the handler's answer to an exchange with ${origin} is not a response`,
  cause,
});

export const truncated = (origin: string, cause: unknown): Failure => ({
  code: "TRUNCATED",
  message: `the response body of an exchange with ${origin} broke off`,
  cause,
});

export const tooLong = (origin: string, maxBytes: number): Failure => ({
  code: "LIMIT_EXCEEDED",
  message: `the response body of an exchange with ${origin} is longer than ${maxBytes} bytes (maxBytes, limits.bodyBytes)`,
});

export const tooManyFields = (origin: string, what: "a head" | "trailers", maxFields: number): Failure => ({
  code: "LIMIT_EXCEEDED",
  message: `the handler answered an exchange with ${origin} with ${what} of more than ${maxFields} fields (limits.maxFields)`,
});

export const closed = (origin: string): Failure => ({
  code: "CLOSED",
  message: `no exchange with ${origin}: the transport was closed`,
});

export const closeDeadline = (origin: string, ms: number): Failure => ({
  code: "CLOSED",
  message: `the exchange with ${origin} did not end within the ${ms} ms that close() left it (deadlineMs)`,
});

export const unsupported = (what: string): Failure => ({
  code: "UNSUPPORTED",
  message: `memory() does not carry ${what}`,
});

/** A failure of something that never began. */
export function refusal(
  { code, message, ...cause }: Failure,
  { origin }: Target,
  phase: Phase,
  attempt = 1,
): TransportError {
  return new TransportError(code, message, {
    delivery: "not-sent",
    phase,
    protocol: "memory",
    origin,
    attempt,
    ...cause,
  });
}
