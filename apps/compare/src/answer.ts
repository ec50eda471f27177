import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";

/** The handler of the tool's own origin. Says what was received, so that equal answers prove equal requests; about 200 bytes. */
export function answer(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): void {
  const hash = createHash("sha256");
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.byteLength;
  });
  request.on("end", () => {
    const { method, url } = request;
    const json = JSON.stringify({
      from: "holdfast-compare",
      method,
      path: url,
      received: { bytes, sha256: hash.digest("hex") },
    });
    response.setHeader("content-type", "application/json");
    response.setHeader("content-length", Buffer.byteLength(json));
    response.end(json);
  });
}
