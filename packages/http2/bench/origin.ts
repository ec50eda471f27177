/** A plain origin of node:http2 over TLS: it answers each request with the same 200 bytes. */
import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";

const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }], {
  keyType: "ec",
  algorithm: "sha256",
  extensions: [
    { name: "basicConstraints", cA: true, critical: true },
    { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
  ],
});
const body = "x".repeat(200);
const headers = { ":status": 200, "content-type": "text/plain", "content-length": body.length, server: "bench" };

const server = createSecureServer({ key, cert });
server.on("stream", (stream: ServerHttp2Stream) => {
  stream.respond(headers);
  stream.end(body);
});
// Not by its address: http2-wrapper refuses a session whose certificate is for one.
server.listen(0, "127.0.0.1", () => {
  process.send?.({ url: `https://localhost:${(server.address() as AddressInfo).port}/`, certificate: cert });
});
process.on("disconnect", () => process.exit());
