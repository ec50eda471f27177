/** Connections by state. Their sum is the number of open sockets and dials. */
export interface ConnectionCounts {
  readonly connecting: number;
  /** With an exchange in flight. */
  readonly active: number;
  readonly idle: number;
  /** Finishing what is in flight, taking nothing new. */
  readonly draining: number;
}

export interface ExchangeCounts {
  /** Waiting for a lease. */
  readonly queued: number;
  /** Holding one. */
  readonly inFlight: number;
}

/** Totals since the transport was made; they only grow. */
export interface TransportTotals {
  /** Connections that came to be usable. */
  readonly connectionsOpened: number;
  readonly connectionsClosed: number;
  /** Dials that failed. */
  readonly dialsFailed: number;
  /** Exchanges that were accepted. Each is ended or failed once. */
  readonly exchangesStarted: number;
  /** Well-formed requests that were not accepted: the queue was full, the signal had fired, the transport was closed. */
  readonly exchangesRefused: number;
  /** Exchanges whose body ended, or was given up by its reader. */
  readonly exchangesEnded: number;
  readonly exchangesFailed: number;
  /** Attempts made again inside the transport, because the peer cannot have seen the one before, or may get it twice. */
  readonly exchangesReplayed: number;
  /** Responses that were garbage collected unread, each a defect of a caller. */
  readonly responsesLeaked: number;
}

export interface OriginStats {
  readonly connections: ConnectionCounts;
  readonly exchanges: ExchangeCounts;
}

export interface TransportStats extends OriginStats {
  readonly totals: TransportTotals;
  /** The same counts by origin; an origin with nothing open and nothing waiting is forgotten. */
  readonly origins: Readonly<Record<string, OriginStats>>;
}
