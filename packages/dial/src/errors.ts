import { type Phase, type Protocol, type Target, TransportError, type TransportErrorCode } from "@holdfast/transport";
import { isAlpnRefusal, tlsReason } from "./tls-reason.ts";

/** Where a dial was when it failed. */
export interface DialFacts {
  readonly protocol: Protocol;
  readonly target: Target;
  readonly phase: Phase;
  readonly elapsedMs: number;
}

/** The caller gave up. */
export function aborted(facts: DialFacts, reason: unknown): TransportError {
  return failure("ABORTED", `the connection to ${facts.target.origin} was given up`, facts, reason);
}

/** `pending` says in words what had not happened yet. */
export function connectTimeout(facts: DialFacts, timeoutMs: number, pending: string): TransportError {
  const message = `no connection to ${facts.target.origin} within ${timeoutMs} ms (timeouts.connectMs): ${pending}`;
  // A timer of ours fired: there is no system error to keep.
  return new TransportError("CONNECT_TIMEOUT", message, { ...common(facts) });
}

/** The lookup of the target's name failed. */
export function resolveFailed(facts: DialFacts, cause: unknown): TransportError {
  const message = `no address of ${facts.target.hostname} for ${facts.target.origin}: ${messageOf(cause)}`;
  return failure("RESOLVE_FAILED", message, facts, cause);
}

/** TCP, the unix socket or the proxy failed; `words` say how. */
export function connectFailed(facts: DialFacts, words: string, cause: unknown): TransportError {
  return failure("CONNECT_FAILED", `no connection to ${facts.target.origin}: ${words}`, facts, cause);
}

/** The TLS handshake failed, or the peer refused every protocol that was offered in it. */
export function handshakeFailed(facts: DialFacts, offer: readonly string[], cause: unknown): TransportError {
  const { origin } = facts.target;
  if (isAlpnRefusal(cause)) {
    return failure(
      "NEGOTIATION_FAILED",
      `${origin} speaks none of the protocols offered in TLS (ALPN): ${offer.join(", ")}`,
      facts,
      cause,
    );
  }
  return failure("TLS_FAILED", `no TLS connection to ${origin}: ${tlsReason(cause)}`, facts, cause);
}

/** The handshake is done, without a protocol that was asked for. `chosen` is empty if the peer chose none. */
export function negotiationFailed(facts: DialFacts, offer: readonly string[], chosen: string): TransportError {
  const answer =
    chosen === "" ? "it chose no protocol, as a peer does that speaks HTTP/1.1 only" : `it chose ${chosen}`;
  const message = `${facts.target.origin} did not agree to ${offer.join(" or ")} in TLS (ALPN): ${answer}`;
  return new TransportError("NEGOTIATION_FAILED", message, { ...common(facts) });
}

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failure(code: TransportErrorCode, message: string, facts: DialFacts, cause: unknown): TransportError {
  return new TransportError(code, message, { ...common(facts), cause });
}

function common({ protocol, target, phase, elapsedMs }: DialFacts): {
  readonly delivery: "not-sent";
  readonly phase: Phase;
  readonly protocol: Protocol;
  readonly origin: string;
  readonly elapsedMs: number;
} {
  return { delivery: "not-sent", phase, protocol, origin: target.origin, elapsedMs };
}
