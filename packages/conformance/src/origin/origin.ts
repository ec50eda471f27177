import type { Fields } from "@holdfast/transport";
import type { Control } from "./control.ts";

/** A request as the kit's application sees it, whatever carried it. The handler of `memory()` gets the same shape. */
export interface OriginRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Fields;
  readonly body: AsyncIterable<Uint8Array>;
  /** Settles when the body has been read to its end. */
  readonly trailers: Promise<Fields>;
  /** Fires when the client left before it had the whole response. */
  readonly signal: AbortSignal;
  informational(status: number, headers?: Fields): void;
}

export interface OriginResponse {
  readonly status?: number;
  readonly headers?: Fields;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly trailers?: () => Fields | Promise<Fields>;
}

/**
 * Throwing before the answer means: end the connection, or the stream, without one. A body that throws means: break it off
 * where it is, so that no end mark is sent.
 */
export type OriginHandler = (request: OriginRequest) => Promise<OriginResponse>;

/** The kit's application, served by one protocol on loopback. */
export interface Origin {
  /** Scheme, host and port, no slash at the end. */
  readonly url: string;
  readonly control: Control;
  close(): Promise<void>;
}
