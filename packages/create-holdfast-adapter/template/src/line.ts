/**
 * The protocol: one JSON object to a line, in UTF-8. The client asks, the server answers, and then the client may ask
 * again. A server may answer before it has the whole request; if it also ends its answer before, the connection ends.
 *
 * | line | says |
 * | --- | --- |
 * | `{"method":"POST","path":"/a?b","fields":[["accept","*"]]}` | a request begins |
 * | `{"status":200,"fields":[]}` | a response begins, or is announced (1xx) |
 * | `{"status":200,"fields":[],"last":true}` | the same, and the connection takes nothing after it |
 * | `{"data":"aGVsbG8="}` | a piece of a body, in base64 |
 * | `{"end":[["x-checksum","abc"]]}` | the request or the response is complete; these are its trailers |
 * | `{"refused":true}` | in place of a response: the server did nothing with the request |
 */
export type ClientLine = RequestHead | Data | End;
export type ServerLine = ResponseHead | Data | End | Refusal;

/** Fields in the order in which they were sent; a name may come twice. */
export type Pairs = readonly (readonly [name: string, value: string])[];

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly fields: Pairs;
}

export interface ResponseHead {
  readonly status: number;
  readonly fields: Pairs;
  readonly last?: boolean;
}

export interface Data {
  readonly data: string;
}

export interface End {
  readonly end: Pairs;
}

export interface Refusal {
  readonly refused: true;
}

export function encode(line: ClientLine | ServerLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** A line of a server; undefined if it is none. Nothing that a peer sends is believed before it was looked at. */
export function decode(text: string): ServerLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isServerLine(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** From name, value, name, value, ... */
export function toPairs(flat: readonly string[]): Pairs {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i] as string, flat[2 * i + 1] as string]);
}

function isServerLine(value: unknown): value is ServerLine {
  if (typeof value !== "object" || value === null) return false;
  const { status, fields, data, end, refused } = value as Partial<Record<string, unknown>>;
  if (status !== undefined) return Number.isInteger(status) && isPairs(fields);
  return typeof data === "string" || isPairs(end) || refused === true;
}

function isPairs(value: unknown): value is Pairs {
  return (
    Array.isArray(value) &&
    value.every(
      (pair: unknown) => Array.isArray(pair) && pair.length === 2 && pair.every((text) => typeof text === "string"),
    )
  );
}
