import type { Fields } from "./fields.ts";
import type { Protocol } from "./transport.ts";

export interface TransportResponse extends AsyncDisposable {
  readonly status: number;
  readonly headers: Fields;
  readonly body: ResponseBody;
  /** Settles when the body does, with none if the peer sent none. Never causes an unhandled rejection. */
  readonly trailers: Promise<Fields>;
  readonly connection: ConnectionInfo;
  readonly timings: Timings;
}

export interface CollectOptions {
  /** Give up with `LIMIT_EXCEEDED` beyond this. Default: the adapter's `limits.bodyBytes`, 10 MiB. */
  readonly maxBytes?: number;
}

/**
 * One-shot: the first reader takes it, a second one gets a `TypeError`. Holds the lease of its connection until it was
 * read to the end, cancelled or disposed. Disposing never throws.
 *
 * Reading ends in one of three ways: the end mark of the protocol was seen; a `TransportError` (`TRUNCATED`,
 * `BODY_TIMEOUT`, ...), never a short success; or the caller cancelled.
 */
export interface ResponseBody extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** True once somebody reads it, or has given it up. */
  readonly used: boolean;
  /** Everything. The bytes may be a view on a larger buffer, as chunks are: mind `byteOffset` when using `buffer`. */
  bytes(options?: CollectOptions): Promise<Uint8Array>;
  /** Decoded as UTF-8, a byte order mark stripped. */
  text(options?: CollectOptions): Promise<string>;
  json(options?: CollectOptions): Promise<unknown>;
  /** A byte stream over the same bytes; made only when asked for. */
  stream(): ReadableStream<Uint8Array>;
  /** Gives the rest up. The connection is kept where that is cheaper than a new one. */
  cancel(reason?: unknown): Promise<void>;
}

/** What carried an exchange. */
export interface ConnectionInfo {
  /** Unique in the process: `"h2-7"`. */
  readonly id: string;
  /** What was really spoken. */
  readonly protocol: Protocol;
  readonly origin: string;
  /** False for the first exchange on this connection. */
  readonly reused: boolean;
  /** From 0, on this connection. */
  readonly exchangeIndex: number;
  readonly localPort?: number;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly tls?: TlsInfo;
}

export interface TlsInfo {
  readonly version: string;
  readonly cipher: string;
  /** The protocol that ALPN chose, empty if none. */
  readonly alpn: string;
  readonly resumed: boolean;
}

/**
 * Milliseconds on one monotonic clock since the call; undefined for a phase that did not happen in this exchange, as
 * dialling on a connection that was there. The names of curl's `--write-out` beside. The object is live: `sent` and `end`
 * are set when they happen.
 */
export interface Timings {
  /** The lease was acquired: a connection, or the right to dial one. */
  readonly queued: number;
  /** `time_namelookup` */
  readonly resolved?: number;
  /** `time_connect` */
  readonly connected?: number;
  /** `time_appconnect` */
  readonly secured?: number;
  /** The protocol's own set-up is done: SETTINGS, or the WebSocket upgrade. */
  readonly ready?: number;
  /** The request is fully written. */
  readonly sent?: number;
  /** `time_starttransfer`: the response head. */
  readonly firstByte: number;
  /** `time_total`: the body is done. */
  readonly end?: number;
}
