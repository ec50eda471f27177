import { checkFields, toFields, type Fields } from "@holdfast/transport";

/** A request as the handler sees it. */
export interface MemoryRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Fields;
  /** Can be read once. The caller's body is pulled only as this is read; both sides may hold the same bytes. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Settles when the body has been read to its end. Never causes an unhandled rejection. */
  readonly trailers: Promise<Fields>;
  /** Fires when the caller gave up, by whatever way: abort, deadline, a body left unread, `destroy()`. */
  readonly signal: AbortSignal;
  /** Sends a 1xx head. Does nothing once the response has begun. */
  informational(status: number, headers?: Fields): void;
}

export interface MemoryResponse {
  /** Default 200; 200 to 599. */
  readonly status?: number;
  readonly headers?: Fields;
  /** An iterable is pulled only as the caller reads, and returned when the caller gives up. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Called once, when the body was read to its end. */
  readonly trailers?: () => Fields | Promise<Fields>;
}

/** Answers a request. It may answer before it has read the request's body; throwing resets the exchange. */
export type MemoryHandler = (request: MemoryRequest) => MemoryResponse | Promise<MemoryResponse>;

/**
 * The fields of a head that the handler made, as the caller gets them.
 *
 * @throws TypeError for a status that is not one of the hundreds from `least` up to 599 (199 for 1xx; 101 never), or bad fields.
 */
export function checkHead(status: number, least: 100 | 200, headers: Fields): Fields {
  if (!Number.isInteger(status) || status < least || status > (least === 100 ? 199 : 599) || status === 101) {
    throw new TypeError(`the status is not one of ${least === 100 ? "1xx, save 101" : "200 to 599"}`);
  }
  return checkedFields(headers);
}

/** How many lines the fields are: each value of one that has several is a line. */
export function fieldLines(fields: Fields): number {
  let lines = 0;
  for (const value of Object.values(fields)) lines += typeof value === "string" ? 1 : value.length;
  return lines;
}

/** @throws TypeError for a field that must not be sent. */
export function checkedFields(fields: Fields): Fields {
  const flat: string[] = [];
  checkFields(fields, flat);
  return gatherFields(flat);
}

/** From name, value, name, value, ... */
export function gatherFields(flat: readonly string[]): Fields {
  return toFields(inPairs(flat));
}

function* inPairs(flat: readonly string[]): Generator<readonly [name: string, value: string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string];
}
