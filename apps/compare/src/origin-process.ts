// The child that startOrigin() runs: one handler, served in plain and over TLS until the parent is gone.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
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
function answer(request: IncomingMessage, response: ServerResponse): void {
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
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(json) });
    response.end(json);
  });
}

async function listen(server: Server): Promise<number> {
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function main(): Promise<void> {
  const { key, cert } = await makeCertificate();
  const plainPort = await listen(createServer(serverOptions, answer));
  const tlsPort = await listen(createTlsServer({ ...serverOptions, key, cert }, answer));
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
