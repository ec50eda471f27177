import type { Protocol } from "./transport.ts";

/**
 * What a peer can have seen of a request that failed.
 *
 * - `not-sent`: no byte of it can have left this process.
 * - `refused`: the peer said that it did nothing with it.
 * - `maybe-sent`: nobody can know.
 * - `answered`: a response began.
 */
export type Delivery = "not-sent" | "refused" | "maybe-sent" | "answered";

/** The closed set of causes; `docs/errors.md` says for each what happened and what a caller can do. */
export const transportErrorCodes = [
  "ABORTED",
  "DEADLINE_EXCEEDED",
  "QUEUE_FULL",
  "QUEUE_TIMEOUT",
  "RESOLVE_FAILED",
  "CONNECT_FAILED",
  "CONNECT_TIMEOUT",
  "TLS_FAILED",
  "NEGOTIATION_FAILED",
  "HEAD_TIMEOUT",
  "BODY_TIMEOUT",
  "CONNECTION_LOST",
  "STREAM_RESET",
  "REFUSED",
  "TRUNCATED",
  "PROTOCOL_ERROR",
  "LIMIT_EXCEEDED",
  "CIRCUIT_OPEN",
  "BUDGET_EXHAUSTED",
  "UNSUPPORTED",
  "CLOSED",
] as const;

export type TransportErrorCode = (typeof transportErrorCodes)[number];

/** Where the exchange was when it failed, in travel order. */
export type Phase = "queue" | "resolve" | "connect" | "secure" | "send" | "head" | "body" | "channel" | "close";

export interface TransportErrorFacts {
  readonly delivery: Delivery;
  readonly phase: Phase;
  readonly protocol: Protocol;
  /** Scheme, host and port; never a path, never user information. */
  readonly origin: string;
  /** Default 1. */
  readonly attempt?: number;
  /** The connection had carried an exchange before. Default false. */
  readonly reused?: boolean;
  /** Since the call; of a channel that was open, since it was opened. Default 0. */
  readonly elapsedMs?: number;
  /** Earlier attempts, oldest first. */
  readonly attempts?: readonly TransportError[];
  /** The engine's or the system's own error, or the caller's reason. Kept as it is. */
  readonly cause?: unknown;
}

/** Equal in every copy of this package. */
const brand = "holdfast.TransportError";

/**
 * Why an exchange failed, and what the peer can have seen of it. Codes are contract, messages are not. Neither carries
 * a header, a body, a path or a credential.
 */
export class TransportError extends Error {
  readonly code: TransportErrorCode;
  readonly delivery: Delivery;
  readonly phase: Phase;
  readonly protocol: Protocol;
  readonly origin: string;
  readonly attempt: number;
  readonly reused: boolean;
  readonly elapsedMs: number;
  readonly attempts: readonly TransportError[];

  constructor(code: TransportErrorCode, message: string, facts: TransportErrorFacts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.delivery = facts.delivery;
    this.phase = facts.phase;
    this.protocol = facts.protocol;
    this.origin = facts.origin;
    this.attempt = facts.attempt ?? 1;
    this.reused = facts.reused ?? false;
    this.elapsedMs = facts.elapsedMs ?? 0;
    this.attempts = facts.attempts ?? [];
  }

  /** The peer cannot have acted on the request, so sending it again is safe whatever its method. */
  get replaySafe(): boolean {
    return this.delivery === "not-sent" || this.delivery === "refused";
  }
}

// On the prototype, so that they are no own properties of each error and the name survives a bundler.
Object.defineProperty(TransportError.prototype, "name", { value: "TransportError", configurable: true });
Object.defineProperty(TransportError.prototype, Symbol.for(brand), { value: true });

/** Recognises an error made by any copy of this package. */
export function isTransportError(value: unknown): value is TransportError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[Symbol.for(brand)] === true;
}

/** The same failure with other facts: a layer that knows more (earlier attempts, the time since its own call) says so. */
export function restateError(error: TransportError, facts: Partial<TransportErrorFacts>): TransportError {
  return new TransportError(error.code, error.message, { ...factsOf(error), ...facts });
}

function factsOf(error: TransportError): TransportErrorFacts {
  const { delivery, phase, protocol, origin, attempt, reused, elapsedMs, attempts, cause } = error;
  return { delivery, phase, protocol, origin, attempt, reused, elapsedMs, attempts, cause };
}
