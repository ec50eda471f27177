import { isTlsFailure, tlsReason } from "@holdfast/dial";
import type { Failure } from "@holdfast/pool";

/** What was known when the connection ended. */
export interface LossContext {
  readonly headSeen: boolean;
  /** A line of a response had come. */
  readonly responded: boolean;
}

/** The only reader of the system's error codes. The pool adds what it knows: phase, delivery, earlier attempts. */
export function lost(cause: Error | undefined, { headSeen, responded }: LossContext): Failure {
  // TLS 1.3 tells only after the handshake that a client certificate was refused.
  if (cause !== undefined && isTlsFailure(cause) && !responded) {
    return { code: "TLS_FAILED", message: tlsReason(cause), phase: "secure", cause };
  }
  if (headSeen) return { code: "TRUNCATED", message: "the connection ended before the response body did", cause };
  return { code: "CONNECTION_LOST", message: "the connection ended before a response", responded, cause };
}

/** The peer did nothing with it, so the pool may send it again, whatever its method. */
export function refusal(): Failure {
  return { code: "REFUSED", message: "the peer refused the request", refused: true };
}

export function protocolError(message: string): Failure {
  return { code: "PROTOCOL_ERROR", message, responded: true };
}

export function lineTooLong(lineBytes: number): Failure {
  const message = `the peer sent a line longer than ${lineBytes} bytes (limits.lineBytes)`;
  return { code: "LIMIT_EXCEEDED", message, responded: true };
}
