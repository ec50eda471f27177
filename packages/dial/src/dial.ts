import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Protocol, Target, TlsInfo } from "@holdfast/transport";

/** Where a dial is. Reaching the target through a proxy is all `connect`; `resolve` is the target's own name only. */
export type DialPhase = "resolve" | "connect" | "secure";

export interface DialRequest {
  readonly target: Target;
  /** TLS or not; the adapter decides from the scheme. */
  readonly secure: boolean;
  /** For errors. */
  readonly protocol: Protocol;
  /** What ALPN offers; if `required`, a peer that chooses none of it is refused. Without `secure` it counts for nothing. */
  readonly alpn: { readonly offer: readonly string[]; readonly required: boolean };
  /** One limit over all of it, in milliseconds; `Infinity` takes it off. */
  readonly timeoutMs: number;
}

/** A connection in the making. */
export interface Dial {
  /** `performance.now()`, as all times here. */
  readonly startedAt: number;
  /** Where it is now, or was when it ended. */
  readonly phase: DialPhase;
  /** The caller owns the socket. Rejects with a `TransportError`, delivery `not-sent`; unhandled is fine. */
  readonly done: Promise<DialledSocket>;
  /** Settles `done` at once with `ABORTED`, cause `reason`, and leaves no socket. Once `done` is settled it does nothing. */
  cancel(reason?: unknown): void;
}

/** A connection that is ready, and when it came to be so. */
export interface DialledSocket {
  /**
   * Connected, referenced, not flowing, no byte consumed. An error that nobody listens for does not end the process, so
   * listen before the next turn: TLS 1.3 reports a refused client certificate only now.
   */
  readonly socket: Socket | TLSSocket;
  readonly startedAt: number;
  /** The target's name was resolved; undefined for an IP literal, a unix socket, or a name that a proxy resolves. */
  readonly resolvedAt?: number;
  /** TCP, the unix socket or the tunnel stood. */
  readonly connectedAt?: number;
  readonly securedAt?: number;
  readonly localPort?: number;
  /** The proxy's, where there is one. */
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly tls?: TlsInfo;
}
