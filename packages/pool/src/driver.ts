import type { ConnectionInfo, Phase, Protocol, Target, TlsInfo, TransportErrorCode } from "@holdfast/transport";
import type { Exchange } from "./exchange.ts";
import type { KeepAliveHint } from "./lifetime.ts";

/** What an adapter adds to the pool: how to dial, and how to run one exchange. Everything else is the pool's. */
export interface Driver {
  readonly protocol: Protocol;
  /** Starts each connection's id: `"h1"` gives `"h1-7"`. */
  readonly idPrefix: string;
  /** Connections carry many exchanges at a time. */
  readonly multiplexed: boolean;
  /** How many a connection is expected to carry at a time, before it says so itself: so many wait for one dial. */
  readonly expectedCapacity: number;
  /** Exchanges that take pushed responses need connections of their own: those are dialled with `push`. Default false. */
  readonly pushes?: boolean;
  /** Starts at once. `owner` must hear of everything that happens to the connection from then on. */
  dial(target: Target, owner: ConnectionOwner, timeoutMs: number, push: boolean): DriverDial;
}

export interface DriverDial {
  /** Where it is now. */
  readonly phase: Phase;
  /** Rejects with a `TransportError` of delivery `not-sent`. */
  readonly opened: Promise<DriverConnection>;
  /** Rejects `opened` and leaves nothing. */
  cancel(reason: unknown): void;
}

/** Moments of a dial, on the clock of `performance.now()`. */
export interface DialTimes {
  readonly resolvedAt?: number;
  readonly connectedAt?: number;
  readonly securedAt?: number;
  readonly readyAt?: number;
}

export interface DriverConnection {
  readonly times: DialTimes;
  readonly facts: Pick<ConnectionInfo, "localPort" | "remoteAddress" | "remotePort"> & { readonly tls?: TlsInfo };
  /** Exchanges that it carries at a time, to begin with. */
  readonly capacity: number;
  /** Starts one exchange. The owner must then hear `freed` once, or `closed`. */
  run(exchange: Exchange): void;
  /** Ends it in good order; nothing is in flight. `closed` follows. */
  close(): void;
  /** Ends it now. `closed` follows. */
  destroy(reason: unknown): void;
  /** It shall keep the process alive, or not. */
  hold(alive: boolean): void;
}

/** The pool's side of a connection, told by the driver. */
export interface ConnectionOwner {
  /** An exchange has left it, and it is fit for another. */
  freed(): void;
  /** It carries this many at a time from now on. */
  capacityIs(capacity: number): void;
  keepAlive(hint: KeepAliveHint): void;
  /**
   * It takes nothing new, says the peer or the protocol. Told first when it dies with exchanges on it that shared it:
   * what is put back would else be given to it again.
   */
  drains(reason: string): void;
  /** It is gone. Exchanges on it have been failed before. */
  closed(error?: unknown): void;
}

/** One attempt in the driver's hands, as the exchange sees it. */
export interface Attempt {
  pause(): void;
  resume(): void;
  /** The exchange is over for its caller: stop it, at the cost of the connection if need be. Reports nothing back. */
  abort(reason: unknown): void;
  /** The body is not wanted: read what little is left, or `abort`. */
  discard(reason: unknown): void;
}

/** Why an attempt failed, made in the adapter's `errors.ts`. The exchange adds what it knows. */
export interface Failure {
  readonly code: TransportErrorCode;
  readonly message: string;
  readonly cause?: unknown;
  /** The peer said that it did nothing with it. */
  readonly refused?: boolean;
  /** Bytes of a response had come, so the peer was not merely hanging up. */
  readonly responded?: boolean;
  /** Where it differs from where the exchange is. */
  readonly phase?: Phase;
}
