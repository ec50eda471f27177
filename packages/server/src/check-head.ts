import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";

/** Why a request is not given to the handler. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
}

/** What srvx takes for a host; of another it would make "_invalid_". */
const authority = /^(?:\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)*)(?::\d{1,5})?$/i;

/** What each field counts besides its letters (RFC 9113, 6.5.2). */
const fieldCostBytes = 32;

/** What node's parsers let through but no handler shall see: hosts that could be read in two ways, targets that are none. */
export function checkHead(
  request: IncomingMessage | Http2ServerRequest,
  limits: { readonly headBytes: number; readonly maxFields: number; readonly bodyBytes: number },
): Refusal | undefined {
  const { rawHeaders, headers, method = "GET", url = "" } = request;
  let fields = 0;
  let bytes = 0;
  let hosts = 0;
  let host: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    bytes += name.length + (rawHeaders[i + 1] as string).length + fieldCostBytes;
    if (name.startsWith(":") && name !== ":authority") continue;
    fields += 1;
    if (name !== ":authority" && name.toLowerCase() !== "host") continue;
    const value = (rawHeaders[i + 1] as string).toLowerCase();
    if (host !== undefined && host !== value) return { status: 400, reason: "two hosts are named" };
    if (name !== ":authority") hosts += 1;
    host = value;
  }
  // Node holds HTTP/1.1 to it, but HTTP/2 only once the client has acknowledged our settings.
  if (request.httpVersionMajor === 2 && bytes > limits.headBytes) {
    return { status: 431, reason: "the request head is too long" };
  }
  if (fields > limits.maxFields) return { status: 431, reason: "there are too many header fields" };
  // One value twice is refused too: which of the two would somebody else have read? (RFC 9112, 3.2)
  if (hosts > 1) return { status: 400, reason: "two hosts are named" };
  // Only HTTP/1.0 may name none; node has seen to that for HTTP/1.1.
  if (host === undefined ? request.httpVersion !== "1.0" : !authority.test(host))
    return { status: 400, reason: "no valid host is named" };
  if (method === "TRACE" || method === "TRACK") return { status: 501, reason: "this method is not served" };
  if (!isTarget(url, method)) return { status: 400, reason: "the target is not valid" };
  if (Number(headers["content-length"] ?? 0) > limits.bodyBytes) return tooLong;
  return undefined;
}

/** For a body that is longer than `limits.bodyBytes`. */
export const tooLong: Refusal = { status: 413, reason: "the request body is too long" };

/** For a handler that fails. Its error is nobody else's to know. */
export const failed: Refusal = { status: 500, reason: "the request failed" };

/** RFC 9112, 3.2: a path, the absolute form that proxies get, or the asterisk of OPTIONS. */
function isTarget(url: string, method: string): boolean {
  if (url.startsWith("/")) return true;
  if (url === "*") return method === "OPTIONS";
  return /^https?:\/\/[^/]/i.test(url) && URL.canParse(url);
}
