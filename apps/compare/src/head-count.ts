import { STATUS_CODES } from "node:http";

/** What the heads of some exchanges took, as the origin saw it; the names are the client's view. */
export interface HeadCount {
  readonly exchanges: number;
  /** Of request heads, on the wire. */
  readonly sentBytes: number;
  /** Of response heads, on the wire. */
  readonly receivedBytes: number;
  /** What the same request heads take as text of HTTP/1.1. */
  readonly sentTextBytes: number;
  /** What the same response heads take as text of HTTP/1.1. */
  readonly receivedTextBytes: number;
}

export const noHeads: HeadCount = {
  exchanges: 0,
  sentBytes: 0,
  receivedBytes: 0,
  sentTextBytes: 0,
  receivedTextBytes: 0,
};

export function addHeads(one: HeadCount, other: Partial<HeadCount>): HeadCount {
  const sum = (name: keyof HeadCount): number => one[name] + (other[name] ?? 0);
  return {
    exchanges: sum("exchanges"),
    sentBytes: sum("sentBytes"),
    receivedBytes: sum("receivedBytes"),
    sentTextBytes: sum("sentTextBytes"),
    receivedTextBytes: sum("receivedTextBytes"),
  };
}

/** Bytes on the wire per exchange, both directions; undefined without an exchange. */
export function headBytesPerExchange({ exchanges, sentBytes, receivedBytes }: HeadCount): number | undefined {
  return exchanges === 0 ? undefined : (sentBytes + receivedBytes) / exchanges;
}

/** Bytes per exchange that the same heads take as text, both directions; undefined without an exchange. */
export function textBytesPerExchange({ exchanges, sentTextBytes, receivedTextBytes }: HeadCount): number | undefined {
  return exchanges === 0 ? undefined : (sentTextBytes + receivedTextBytes) / exchanges;
}

/**
 * What an HTTP/2 request head takes as text of HTTP/1.1 (RFC 9112, 3 and 5): `:authority` becomes `host`, and the crumbs
 * of a cookie become one field again (RFC 9113, 8.2.3).
 *
 * @param rawHeaders names and values by turns, as node's servers give them.
 */
export function requestTextBytes(rawHeaders: readonly string[]): number {
  const pseudo: Record<string, string> = {};
  let fields = 0;
  let cookies = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const [name = "", value = ""] = [rawHeaders[at], rawHeaders[at + 1]];
    if (name.startsWith(":")) pseudo[name] = value;
    else if (name === "cookie" && cookies++ > 0) fields += "; ".length + value.length;
    else fields += fieldBytes(name, value);
  }
  const { ":method": method = "", ":path": path = "", ":authority": authority } = pseudo;
  const host = authority === undefined ? 0 : fieldBytes("host", authority);
  return `${method} ${path} HTTP/1.1\r\n`.length + host + fields + "\r\n".length;
}

/** What an HTTP/2 response head takes as text of HTTP/1.1 (RFC 9112, 4 and 5). */
export function responseTextBytes(headers: Readonly<Record<string, unknown>>): number {
  const status = Number(headers[":status"]);
  let fields = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(":")) continue;
    for (const one of Array.isArray(value) ? value : [value]) fields += fieldBytes(name, String(one));
  }
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`.length + fields + "\r\n".length;
}

/** Node's strings hold one byte of a field in each character. */
function fieldBytes(name: string, value: string): number {
  return `${name}: ${value}\r\n`.length;
}
