import { setImmediate as turn } from "node:timers/promises";
import {
  authority,
  certificate,
  type Certificate,
  expectNextWorks,
  failure,
  ok,
  rawAnswers as answering,
  type RawPeer as Peer,
  rawServer,
} from "@holdfast/conformance/hostile";
import { beforeAll, describe, expect, it } from "vitest";
import { http1 } from "../src/index.ts";

const status = "HTTP/1.1 200 OK\r\n";
/** Enough to make a reader that is behind stop the connection. */
const longBytes = 300_000;

/** What the server writes of a response before it ends the connection; `{part}` and `{size}` are filled in. */
const framings = {
  "content-length": `${status}content-length: {more}\r\n\r\n{part}`,
  "content-length on HTTP/1.0": "HTTP/1.0 200 OK\r\ncontent-length: {more}\r\n\r\n{part}",
  "content-length with connection: close": `${status}connection: close\r\ncontent-length: {more}\r\n\r\n{part}`,
  "chunked, within a chunk": `${status}transfer-encoding: chunked\r\n\r\n{moreHex}\r\n{part}`,
  "chunked, between chunks": `${status}transfer-encoding: chunked\r\n\r\n{hex}\r\n{part}\r\n`,
  "chunked, within the last chunk": `${status}transfer-encoding: chunked\r\n\r\n{hex}\r\n{part}\r\n0\r\n`,
  "chunked with connection: close": `${status}connection: close\r\ntransfer-encoding: chunked\r\n\r\n{hex}\r\n{part}\r\n`,
  "the end of the connection": `${status}\r\n{part}`,
  "the end of the connection on HTTP/1.0": "HTTP/1.0 200 OK\r\n\r\n{part}",
} as const;

const cuts: Readonly<Record<string, { readonly tls: boolean; readonly cut: (peer: Peer) => void }>> = {
  FIN: { tls: false, cut: (peer) => peer.fin() },
  RST: { tls: false, cut: (peer) => peer.reset() },
  "close_notify and FIN": { tls: true, cut: (peer) => peer.fin() },
  "FIN without close_notify": { tls: true, cut: (peer) => peer.hangUp() },
  "RST beneath TLS": { tls: true, cut: (peer) => peer.reset() },
};

const cells = Object.entries(framings).flatMap(([framing, text]) =>
  Object.entries(cuts).flatMap(([name, cut]) =>
    (["reading", "paused"] as const).map((consumer) => ({ framing, text, name, consumer, ...cut })),
  ),
);

/**
 * Nothing but the end of the connection ends such a body, and node shows no close_notify: any FIN is an end. Node 22 shows
 * RST beneath TLS as FIN, too, where data was left to be read.
 */
const isWhole = ({ framing, name, consumer }: (typeof cells)[number]): boolean =>
  framing.startsWith("the end of") &&
  (name.includes("FIN") ||
    (process.versions.node.startsWith("22.") && name === "RST beneath TLS" && consumer === "paused"));

let tls: { readonly ca: string; readonly server: Certificate };

beforeAll(() => {
  const ca = authority();
  tls = { ca: ca.cert, server: certificate({ ip: ["127.0.0.1"] }, ca) };
});

async function readAfterCut(cell: (typeof cells)[number], read: (body: AsyncIterable<Uint8Array>) => Promise<number>) {
  const part = cell.consumer === "paused" ? longBytes : 5;
  const text = cell.text
    .replace("{more}", String(part + 5))
    .replace("{moreHex}", (part + 5).toString(16))
    .replace("{hex}", part.toString(16))
    .replace("{part}", "x".repeat(part));
  const go = Promise.withResolvers<void>();
  const cutDone = Promise.withResolvers<void>();
  await using server = await rawServer(
    async (peer) => {
      if (peer.index > 0) return answering(() => ok())(peer);
      await peer.request();
      await peer.write(text);
      await go.promise;
      cell.cut(peer);
      cutDone.resolve();
    },
    cell.tls ? { tls: tls.server } : {},
  );
  await using transport = http1(cell.tls ? { tls: { ca: tls.ca } } : {});
  const response = await transport.request({ url: `${server.url}/cut` });
  if (cell.consumer === "paused") {
    go.resolve();
    await cutDone.promise;
    await turn();
  }
  const outcome = read(response.body);
  go.resolve();
  const settled = await outcome.then(
    (bytes) => ({ bytes }),
    (error: unknown) => ({ error }),
  );
  const trailers = await response.trailers.then(
    () => "settled" as const,
    () => "failed" as const,
  );
  await expectNextWorks(transport, server);
  expect(server.requests.map(({ path, connection }) => [path, connection])).toEqual([
    ["/cut", 0],
    ["/next", 1],
  ]);
  return { ...settled, trailers, part };
}

async function count(body: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of body) bytes += chunk.byteLength;
  return bytes;
}

describe("a body that is cut", () => {
  it.each(cells.filter((cell) => !isWhole(cell)))(
    "by $name, framed by $framing, fails its $consumer reader",
    async (cell) => {
      const { trailers, ...outcome } = await readAfterCut(cell, count);
      expect(outcome).toMatchObject({
        error: { code: "TRUNCATED", phase: "body", delivery: "answered", replaySafe: false },
      });
      expect(trailers).toBe("failed");
    },
  );

  it.each(cells.filter(isWhole))(
    "by nothing: $name ends one framed by $framing for its $consumer reader",
    async (cell) => {
      const { part, ...outcome } = await readAfterCut(cell, count);
      expect(outcome).toEqual({ bytes: cell.name.includes("FIN") ? part : expect.any(Number), trailers: "settled" });
    },
  );

  it.each(["text", "bytes", "json"] as const)("is never a short success of %s()", async (read) => {
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write(`${status}content-length: 4\r\n\r\n123`);
      peer.fin();
    });
    await using transport = http1();
    const { body } = await transport.request({ url: server.url });
    expect(await failure(body[read]())).toMatchObject({ code: "TRUNCATED" });
  });

  it("is never a short success of stream()", async () => {
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write(`${status}transfer-encoding: chunked\r\n\r\n3\r\n123\r\n`);
      peer.reset();
    });
    await using transport = http1();
    const { body } = await transport.request({ url: server.url });
    expect(await failure(new Response(body.stream()).text())).toMatchObject({ code: "TRUNCATED" });
  });
});
