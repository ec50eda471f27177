// The child that startOrigin() runs: one handler, served over HTTP/1.1 and HTTP/2, in plain and over TLS, until the parent is gone.
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  createServer as createHttp1Server,
  type IncomingMessage,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import {
  createSecureServer,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { generate } from "selfsigned";
import type { OriginMessage } from "./origin.ts";

/** Longer than a transport has to wait for its next turn. */
const serverOptions: ServerOptions = { keepAliveTimeout: 60_000 };

function tell(message: OriginMessage): void {
  process.send?.(message);
}

async function makeCertificate(): Promise<{ readonly key: string; readonly cert: string }> {
  const { private: key, cert } = await generate([{ name: "commonName", value: "localhost" }], {
    keyType: "ec",
    algorithm: "sha256",
    notAfterDate: new Date(Date.now() + 86_400_000),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", digitalSignature: true, keyCertSign: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  return { key, cert };
}

/** Says what was received, so that equal answers prove equal requests; about 200 bytes. */
function answer(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void {
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

/** One port for HTTP/1.1 and h2c: no method of HTTP/1.1 begins as the preface of HTTP/2 does (RFC 9113, 3.4). */
function createPlainServer(): Server {
  const http1 = createHttp1Server(serverOptions, answer);
  const http2 = createHttp2Server(answer);
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    const choose = (): void => {
      const start = socket.read(3) as Buffer | null;
      if (start === null) return;
      socket.off("readable", choose).off("error", ignore);
      socket.unshift(start);
      (start.toString("latin1") === "PRI" ? http2 : http1).emit("connection", socket);
    };
    socket.on("readable", choose).on("error", ignore);
  });
}

function ignore(): void {}

async function listen(server: Server): Promise<number> {
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function main(): Promise<void> {
  const { key, cert } = await makeCertificate();
  const plainPort = await listen(createPlainServer());
  const tlsPort = await listen(createSecureServer({ ...serverOptions, key, cert, allowHTTP1: true }, answer));
  tell({
    kind: "ready",
    plainUrl: `http://127.0.0.1:${plainPort}/`,
    tlsUrl: `https://127.0.0.1:${tlsPort}/`,
    certificate: cert,
  });
}

process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches every process of the terminal; the parent decides when this one ends.
process.on("SIGINT", () => undefined);
await main().catch((error: unknown) =>
  tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }),
);
