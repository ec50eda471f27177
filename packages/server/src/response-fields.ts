/**
 * They speak of one connection (RFC 9110, 7.6.1), or to a server: what a handler passes on from somewhere else is not about ours,
 * and node sends no head over HTTP/2 that has one.
 */
export const connectionFields: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "trailer",
  "te",
  "expect",
  "http2-settings",
];

/** The response, without fields that only the connection may set. */
export function withoutConnectionFields(response: Response): Response {
  if (!connectionFields.some((name) => response.headers.has(name))) return response;
  const headers = new Headers(response.headers);
  for (const name of connectionFields) headers.delete(name);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
