import type { Channel, ChannelRequest } from "./channel.ts";
import type { TransportRequest } from "./request.ts";
import type { TransportResponse } from "./response.ts";
import type { TransportStats } from "./stats.ts";

/** Names we ship autocomplete; any other string is welcome. */
export type Protocol = "http/1.1" | "h2" | "h3" | "websocket" | "memory" | (string & {});

/**
 * What a transport can do. A flag that is false is a promise too: the matching call rejects with `UNSUPPORTED`
 * before anything is sent, so a layer may decide on the flags alone.
 */
export interface Capabilities {
  /** `request()` works. */
  readonly exchange: boolean;
  /** `open()` works. */
  readonly channel: boolean;
  /** Exchanges share a connection: fan-out and hedging cost no handshake. */
  readonly multiplexed: boolean;
  /** A response can begin before the request body ends. */
  readonly duplex: boolean;
  /** `TransportRequest.trailers` reach the peer. */
  readonly requestTrailers: boolean;
  /** `TransportResponse.trailers` carry what the peer sent. */
  readonly responseTrailers: boolean;
  /** 1xx heads reach `onInformational`. */
  readonly informational: boolean;
  /** The peer can push responses to `onPush`. */
  readonly push: boolean;
}

/** Identity of an adapter object, read by {@link isTransport}. `version` is the major version of this contract. */
export interface TransportBrand {
  readonly version: 1;
  /** Who made the adapter: a package name. */
  readonly vendor: string;
  readonly protocol: Protocol;
  readonly capabilities: Capabilities;
}

export interface WarmOptions {
  /** Connections that shall stand ready, 1 by default; never more than the adapter's `maxConnections`. */
  readonly connections?: number;
  /** Ends the wait, not the connections that are being made. */
  readonly signal?: AbortSignal;
}

export interface CloseOptions {
  /** When it fires, draining ends and what is left is destroyed. */
  readonly signal?: AbortSignal;
  /** How long to drain, 10 000 ms by default; what is left then is destroyed. */
  readonly deadlineMs?: number;
}

/**
 * Something that carries exchanges, channels, or both. It owns its connections from the first dial to `close()` or
 * `destroy()`; a caller owns each response until its body has ended, was cancelled or was disposed.
 *
 * Every member is always there, so that a layer can forward what it does not know; `capabilities` says what works.
 */
export interface Transport extends AsyncDisposable {
  readonly "~holdfast": TransportBrand;
  readonly protocol: Protocol;
  readonly capabilities: Capabilities;
  /**
   * Runs one exchange and settles with its head. Rejects with a `TransportError`, or with a `TypeError` for a request
   * that could never be sent (a relative URL, a line break in a header); in both cases nothing is left behind.
   */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Opens a channel. Rejects with `UNSUPPORTED` where `capabilities.channel` is false. */
  open(request: ChannelRequest): Promise<Channel>;
  /** Dials ahead, so that the first request finds a warm connection. Rejects if none could be made. */
  warm(origin: URL | string, options?: WarmOptions): Promise<void>;
  /** A snapshot; costs nothing while nobody asks. */
  stats(): TransportStats;
  /** Drains: refuses new work with `CLOSED`, finishes what was accepted, then ends. Calling it twice is fine. */
  close(options?: CloseOptions): Promise<void>;
  /** Ends now: whatever is under way fails with `CLOSED`, its cause being `reason`. Calling it twice is fine. */
  destroy(reason?: unknown): Promise<void>;
}

/**
 * Tells whether `value` is a transport, made by any copy of this package.
 *
 * @throws TypeError for a transport of a contract version that this package does not know, since calling it could do
 * anything.
 */
export function isTransport(value: unknown): value is Transport {
  if (typeof value !== "object" || value === null) return false;
  const brand: unknown = (value as { readonly "~holdfast"?: unknown })["~holdfast"];
  if (typeof brand !== "object" || brand === null) return false;
  const { version, vendor } = brand as Partial<TransportBrand>;
  if (version !== 1) {
    throw new TypeError(
      `the transport of ${String(vendor ?? "an unnamed vendor")} follows version ${String(version)} of the Holdfast contract; this copy of @holdfast/transport knows version 1`,
    );
  }
  return true;
}
