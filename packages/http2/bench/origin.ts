/**
 * A plain origin of node:http2 over TLS. It answers GETs with as many bytes as the path says, POSTs with the count of what
 * came, and calls of `rpc.ts` in gRPC's and Connect's protocol with a text of 200 characters. Its own windows are as wide as
 * they get, so what an upload takes is up to the client.
 */
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { encodeAnswer } from "./rpc.ts";

const { cert, private: key } = await generate([{ name: "commonName", value: "localhost" }], {
  keyType: "ec",
  algorithm: "sha256",
  extensions: [
    { name: "basicConstraints", cA: true, critical: true },
    { name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] },
  ],
});
const windowBytes = 2 ** 24;
const small = "x".repeat(200);
const smallHead = { ":status": 200, "content-type": "text/plain", "content-length": small.length, server: "bench" };
const message = encodeAnswer(small);
const framed = Buffer.concat([Buffer.from([0, 0, 0, 0, message.byteLength]), message]);

const server = createSecureServer({ key, cert, settings: { initialWindowSize: windowBytes } });
server.on("session", (session) => session.setLocalWindowSize(windowBytes));
server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
  const type = headers["content-type"];
  if (headers[":method"] === "GET") get(stream, headers[":path"] ?? "/");
  else if (type?.startsWith("application/grpc") === true) answerGrpc(stream);
  else if (type === "application/proto") answerConnect(stream);
  else countBody(stream);
});
// Not by its address: http2-wrapper refuses a session whose certificate is for one.
server.listen(0, "127.0.0.1", () => {
  process.send?.({ url: `https://localhost:${(server.address() as AddressInfo).port}/`, certificate: cert });
});
process.on("disconnect", () => process.exit());

function get(stream: ServerHttp2Stream, path: string): void {
  if (path === "/") {
    stream.respond(smallHead);
    stream.end(small);
  } else {
    const body = Buffer.alloc(Number(path.slice(1)), "x");
    stream.respond({ ":status": 200, "content-length": body.byteLength });
    stream.end(body);
  }
}

function answerGrpc(stream: ServerHttp2Stream): void {
  stream.resume().on("end", () => {
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(framed);
  });
}

function answerConnect(stream: ServerHttp2Stream): void {
  stream.resume().on("end", () => {
    stream.respond({ ":status": 200, "content-type": "application/proto", "content-length": message.byteLength });
    stream.end(message);
  });
}

function countBody(stream: ServerHttp2Stream): void {
  let bytes = 0;
  stream.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
  stream.on("end", () => {
    stream.respond({ ":status": 200, "content-type": "text/plain" });
    stream.end(String(bytes));
  });
}
