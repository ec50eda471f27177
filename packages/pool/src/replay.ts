import type { Delivery, TransportError, TransportErrorCode } from "@holdfast/transport";

/** What is known of an attempt that failed under the pool's hands. */
export interface FailedAttempt extends Pick<History, "resubmissions" | "replayed"> {
  readonly code: TransportErrorCode;
  readonly delivery: Delivery;
  /** The connection was there before: it had carried an exchange, or been idle. So the peer may have been ending it. */
  readonly kept: boolean;
  readonly idempotent: boolean;
  /** Bytes of a response had come. */
  readonly responded: boolean;
  /** The body was not begun, or can be read again. */
  readonly bodyAtHand: boolean;
}

/** The attempts of an exchange before the present one. */
export interface History {
  /** How often it was put back because the peer cannot have seen it. */
  readonly resubmissions: number;
  /** It was already sent twice. */
  readonly replayed: boolean;
  /** Why each of them failed, oldest first. */
  readonly earlier: readonly TransportError[];
}

export const noHistory: History = Object.freeze({ resubmissions: 0, replayed: false, earlier: [] });

/** Beyond this something is wrong that another try does not cure. */
const maxResubmissions = 3;

/** Each try ends the same way: the peer wants another protocol, takes nothing as large, or ours cannot say what is to be said. */
const hopeless: ReadonlySet<TransportErrorCode> = new Set(["NEGOTIATION_FAILED", "UNSUPPORTED", "LIMIT_EXCEEDED"]);

/**
 * - `resubmit`: the peer cannot have acted on it, whatever the method: back to the head of the queue.
 * - `replay`: it met a connection that was ending, and may be sent twice: once more, on a fresh connection.
 * - `fail`: it is the caller's to decide.
 */
export function decideReplay(attempt: FailedAttempt): "resubmit" | "replay" | "fail" {
  if (!attempt.bodyAtHand || hopeless.has(attempt.code)) return "fail";
  if (attempt.delivery === "not-sent" || attempt.delivery === "refused") {
    return attempt.resubmissions < maxResubmissions ? "resubmit" : "fail";
  }
  const stale =
    attempt.delivery === "maybe-sent" && attempt.code === "CONNECTION_LOST" && attempt.kept && !attempt.responded;
  return stale && attempt.idempotent && !attempt.replayed ? "replay" : "fail";
}

export function withAttempt(history: History, decision: "resubmit" | "replay", error: TransportError): History {
  return {
    resubmissions: history.resubmissions + (decision === "resubmit" ? 1 : 0),
    replayed: history.replayed || decision === "replay",
    earlier: [...history.earlier, error],
  };
}
