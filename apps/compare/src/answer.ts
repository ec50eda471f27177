import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { ServedRequest, ServedResponse } from "@holdfast/exchange";

const contentType = "application/json";

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
    const json = describe(request.method, request.url, bytes, hash.digest("hex"));
    response.setHeader("content-type", contentType);
    response.setHeader("content-length", Buffer.byteLength(json));
    response.end(json);
  });
}

/** The same answer to an exchange over WebSocket, with the field that node's servers add. */
export async function answerExchange({ method, url, body }: ServedRequest): Promise<ServedResponse> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  const json = describe(method, url.pathname + url.search, bytes, hash.digest("hex"));
  const headers = {
    "content-type": contentType,
    "content-length": String(Buffer.byteLength(json)),
    date: new Date().toUTCString(),
  };
  return { headers, body: json };
}

function describe(method: string | undefined, path: string | undefined, bytes: number, sha256: string): string {
  return JSON.stringify({ from: "holdfast-compare", method, path, received: { bytes, sha256 } });
}
