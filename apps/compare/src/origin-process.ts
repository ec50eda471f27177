// The child that startOrigin() runs: one handler, served over HTTP/1.1, HTTP/2 and WebSocket, in plain and over TLS, until the parent is gone.
import { once } from "node:events";
import { createServer as createHttp1Server, type ServerOptions } from "node:http";
import { createSecureServer, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo, Server, Socket } from "node:net";
import { answerOver, type Pipe } from "@holdfast/exchange";
import { generate } from "selfsigned";
import { answer, answerExchange } from "./answer.ts";
import { countingServers } from "./counting-servers.ts";
import type { OriginMessage, OriginQuestion, OriginUrls } from "./origin.ts";
import { createPlainServer } from "./plain-server.ts";
import { takeUpgrades } from "./take-upgrades.ts";

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

async function listen(server: Server): Promise<number> {
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4_096 });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** The same URLs, at the distance that was asked for. TLS passes through, so it pays for each of its round trips. */
async function away(urls: OriginUrls): Promise<OriginUrls> {
  const roundTripMs = Number(process.argv[2]);
  if (roundTripMs === 0) return urls;
  const { faultProxy } = await import("@holdfast/conformance/hostile");
  const far = async (url: string): Promise<string> => `${(await faultProxy(url, { roundTripMs })).url}/`;
  return { plain: await far(urls.plain), tls: await far(urls.tls) };
}

async function main(): Promise<void> {
  const { key, cert } = await makeCertificate();
  const http1 = createHttp1Server(serverOptions, answer);
  const http2 = createHttp2Server(answer);
  const plain = createPlainServer({
    http1: (socket: Socket) => http1.emit("connection", socket),
    http2: (socket: Socket) => http2.emit("connection", socket),
  });
  const tls = createSecureServer({ ...serverOptions, key, cert, allowHTTP1: true }, answer);
  const exchanges = (pipe: Pipe): unknown => answerOver(pipe, answerExchange);
  takeUpgrades(http1, exchanges);
  takeUpgrades(tls, exchanges);
  const counting = countingServers({ ...serverOptions, key, cert });
  process.on("message", (question: OriginQuestion) => {
    if (question.kind === "heads") tell({ kind: "heads", count: counting.take() });
  });
  const urls = async (servers: { readonly plain: Server; readonly tls: Server }): Promise<OriginUrls> => ({
    plain: `http://127.0.0.1:${await listen(servers.plain)}/`,
    tls: `https://127.0.0.1:${await listen(servers.tls)}/`,
  });
  tell({
    kind: "ready",
    urls: await away(await urls({ plain, tls })),
    countedUrls: await urls(counting),
    certificate: cert,
  });
}

process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches every process of the terminal; the parent decides when this one ends.
process.on("SIGINT", () => undefined);
await main().catch((error: unknown) =>
  tell({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }),
);
