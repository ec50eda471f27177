/** They speak of one connection (RFC 9110, 7.6.1): what a handler passes on from somewhere else is not about ours. */
export const connectionFields: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "trailer",
];

/** The response, without fields that only the connection may set. */
export function withoutConnectionFields(response: Response): Response {
  if (!connectionFields.some((name) => response.headers.has(name))) return response;
  const headers = new Headers(response.headers);
  for (const name of connectionFields) headers.delete(name);
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
