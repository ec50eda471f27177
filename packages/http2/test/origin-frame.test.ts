import { once } from "node:events";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { authority, certificate, failure, frameServer, getText } from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const origin = 12;

function names(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `https://a${i}.example`);
}

describe("a server that names other origins that it answers for (RFC 8336)", () => {
  it.each([1, 200, 1_000])("is served, if they are %i", async (count) => {
    const ca = authority();
    const server = createSecureServer(certificate({ ip: ["127.0.0.1"] }, ca), (_, response) => response.end("ok"));
    server.on("session", (session: ServerHttp2Session) => {
      // A frame has room for some hundreds.
      for (let at = 0; at < count; at += 500) session.origin(...names(count).slice(at, at + 500));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    {
      await using transport = http2({ tls: { ca: ca.cert } });
      const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      for (let i = 0; i < 2; i++) expect(await getText(transport, url)).toBe("ok");
      expect(transport.stats().totals).toMatchObject({ connectionsOpened: 1, connectionsClosed: 0 });
    }
    server.close();
    await once(server, "close");
  });

  it("without end loses its session: what it names is kept", async () => {
    const ca = authority();
    const tls = certificate({ ip: ["127.0.0.1"] }, ca);
    await using server = await frameServer(
      async (peer) => {
        const { stream } = await peer.request();
        if (peer.index > 0) return peer.respond(stream);
        const entries = names(10_000).map((name) => Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name)]));
        for (let at = 0; at < 10_000; at += 500) void peer.send(origin, 0, Buffer.concat(entries.slice(at, at + 500)));
        await peer.closed;
      },
      { tls },
    );
    await using transport = http2({ tls: { ca: ca.cert } });
    expect(await failure(transport.request({ url: server.url, method: "POST" }))).toMatchObject({
      code: "CONNECTION_LOST",
      delivery: "maybe-sent",
    });
    expect(await getText(transport, server.url)).toBe("ok");
  });
});
