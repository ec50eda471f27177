import type { Fields, ResponseBody } from "@holdfast/transport";

/** A request as its handler sees it. */
export interface ServedRequest {
  readonly method: string;
  /** `http:` or `https:`, the host that the client named, the path. */
  readonly url: URL;
  readonly headers: Fields;
  /** Can be read once. The client may send a window ahead of its reader. */
  readonly body: ResponseBody;
  /** Settles when the body has been read to its end. Never causes an unhandled rejection. */
  readonly trailers: Promise<Fields>;
  /** Fires when the client gave up, its deadline has passed, or the connection is gone. */
  readonly signal: AbortSignal;
  /** Sends a 1xx head. Does nothing once the response has begun. */
  informational(status: number, headers?: Fields): void;
}

export interface ServedResponse {
  /** Default 200; 200 to 599. */
  readonly status?: number;
  readonly headers?: Fields;
  /** An iterable is pulled only as the client reads, and returned when the client gives up. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Called once, when the body was read to its end. */
  readonly trailers?: () => Fields | Promise<Fields>;
}

/** Answers a request; it may do so before it has read the request's body. Throwing resets the stream, an answer that is none is replaced by a 500. */
export type ExchangeHandler = (request: ServedRequest) => ServedResponse | Promise<ServedResponse>;
