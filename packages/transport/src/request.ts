import type { Fields } from "./fields.ts";
import type { ResponseBody } from "./response.ts";

/**
 * What a request sends. Strings are UTF-8. A string, bytes or a function can be sent again, so a request with one of
 * them can be replayed; a bare iterable or stream can be read once only and never is replayed.
 */
export type Body =
  | string
  | Uint8Array
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | (() => AsyncIterable<Uint8Array>);

/** Limits of the phases of one attempt, in milliseconds; `Infinity` takes one off. The message of an error names the one that fired. */
export interface Timeouts {
  /** Waiting for a lease while every connection is taken. Default 10 000. Time spent dialling counts as `connectMs`. */
  readonly queueMs: number;
  /** Making a connection: name, TCP, TLS and whatever the protocol needs before its first request. Default 10 000. */
  readonly connectMs: number;
  /** From the request being sent to the head of its response, 1xx heads not counting. Default 30 000. */
  readonly headMs: number;
  /** The longest silence inside a body that is being read, or sent. Default 30 000. A paused reader does not count. */
  readonly bodyGapMs: number;
}

export interface InformationalHead {
  readonly status: number;
  readonly headers: Fields;
}

/** A response that the peer sends before it was asked for (RFC 9113, 8.4). */
export interface PushedExchange {
  readonly request: { readonly url: URL; readonly method: string; readonly headers: Fields };
  readonly status: Promise<number>;
  readonly headers: Promise<Fields>;
  readonly body: ResponseBody;
}

export interface TransportRequest {
  /** Absolute, of at most 16,384 characters. A fragment is not sent; user information is refused, because it would leak into logs. */
  readonly url: URL | string;
  /** A token (RFC 9110, 9.1), `"GET"` by default; sent as written. */
  readonly method?: string;
  /** Names in any case. Framing fields (`transfer-encoding`, `connection`, ...) belong to the transport and are refused. */
  readonly headers?: Fields;
  readonly body?: Body | null;
  /** Called once, when the body has been sent. Needs `capabilities.requestTrailers`. */
  readonly trailers?: () => Fields | Promise<Fields>;
  /** Covers the exchange to the end of the response body. */
  readonly signal?: AbortSignal;
  /** One limit over queue, connect, head and body, and over all attempts. Default 60 000; `Infinity` takes it off. */
  readonly deadlineMs?: number;
  /** Override the adapter's timeouts for this exchange. */
  readonly timeouts?: Partial<Timeouts>;
  /** Whether the peer may get it twice. Default: from the method (RFC 9110, 9.2.2) or an `Idempotency-Key` field. */
  readonly idempotent?: boolean;
  /** Set by policies, from 1. */
  readonly attempt?: number;
  /** 1xx heads, in order, before the response. Needs `capabilities.informational`, else it is never called. */
  readonly onInformational?: (head: InformationalHead) => void;
  /**
   * Responses that the peer pushes for this request (RFC 9113, 8.4). They share its signal, deadline and timeouts, and fail if
   * it fails; one whose body nobody begins to read within `bodyGapMs` is cancelled. Needs `capabilities.push`, else it is
   * never called.
   */
  readonly onPush?: (push: PushedExchange) => void;
}
