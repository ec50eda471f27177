import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";
import {
  authority,
  certificate,
  type Certificate,
  failure,
  frameAnswers as answering,
  type FramePeer,
  frames,
  frameServer,
  type FrameServerOptions,
  getText,
  setting,
} from "@holdfast/conformance/hostile";
import type { TransportError } from "@holdfast/transport";
import { beforeAll, describe, expect, it } from "vitest";
import { http2, type Http2Options } from "../src/index.ts";

let ca: Certificate;
let good: Certificate;
let client: Certificate;

beforeAll(() => {
  ca = authority();
  good = certificate({ dns: ["localhost", "a.example"], ip: ["127.0.0.1", "::1"] }, ca);
  client = certificate({ dns: ["client"] }, ca);
});

/** How a POST to such a peer fails; it leaves no connection. */
async function failureWith(
  script: (peer: FramePeer) => Promise<void> | void,
  server: FrameServerOptions,
  options: Http2Options = {},
): Promise<TransportError> {
  await using peer = await frameServer(script, server);
  await using transport = http2({ tls: { ca: ca.cert }, ...options });
  const error = await failure(transport.request({ url: peer.url, method: "POST", body: "x" }));
  await peer.idle();
  expect(error).toMatchObject({ delivery: "not-sent", replaySafe: true, protocol: "h2", origin: peer.url });
  expect(transport.stats().connections).toMatchObject({ connecting: 0, active: 0, idle: 0 });
  return error;
}

describe("no session", () => {
  it.each([false, true])("comes of a peer that sends no SETTINGS: CONNECT_TIMEOUT (over TLS: %s)", async (secure) => {
    const error = await failureWith(
      () => {},
      { settings: null, ...(secure && { tls: good }) },
      { timeouts: { connectMs: 150 } },
    );
    expect(error).toMatchObject({ code: "CONNECT_TIMEOUT" });
    expect(error.message).toContain("within 150 ms (timeouts.connectMs)");
  });

  it("is in the phase `secure` while SETTINGS are waited for", async () => {
    const greeted = Promise.withResolvers<void>();
    await using server = await frameServer((peer) => void peer.socket.once("data", () => greeted.resolve()), {
      settings: null,
    });
    await using transport = http2();
    const controller = new AbortController();
    const asked = failure(transport.request({ url: server.url, signal: controller.signal }));
    await greeted.promise;
    controller.abort();
    expect(await asked).toMatchObject({ code: "ABORTED", phase: "secure", delivery: "not-sent" });
  });

  it.each([
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "\0".repeat(64),
    "220 mail.example ESMTP ready\r\n",
  ])("comes of a peer that sends %j: NEGOTIATION_FAILED", async (greeting) => {
    const error = await failureWith((peer) => peer.write(greeting), { settings: null });
    expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", phase: "secure" });
    expect(error.message).toContain("does not speak HTTP/2");
  });

  it("comes of a server that knows HTTP/1.1 only, without TLS: NEGOTIATION_FAILED", async () => {
    const server = createHttpServer((_, response) => response.end("ok")).listen(0, "127.0.0.1");
    await once(server, "listening");
    await using transport = http2();
    const { port } = server.address() as AddressInfo;
    const error = await failure(getText(transport, `http://127.0.0.1:${port}`));
    expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", delivery: "not-sent" });
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  it.each([
    ["offers http/1.1 alone", { ALPNProtocols: ["http/1.1"] }, /h2/],
    ["knows no ALPN", { ALPNProtocols: [] }, /HTTP\/1\.1 only/],
  ])("comes of a TLS peer that %s: NEGOTIATION_FAILED", async (_, alpn, words) => {
    const error = await failureWith(() => {}, { settings: null, tls: { ...good, ...alpn } });
    expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", phase: "secure" });
    expect(error.message).toMatch(words);
  });

  it.each([
    ["FIN", (peer: FramePeer) => peer.fin()],
    ["a TCP reset", (peer: FramePeer) => peer.reset()],
  ])("comes of a peer that ends with %s before its SETTINGS: CONNECT_FAILED", async (_, end) => {
    expect(await failureWith(end, { settings: null })).toMatchObject({ code: "CONNECT_FAILED" });
    expect(await failureWith(end, { settings: null, tls: good })).toMatchObject({ code: "CONNECT_FAILED" });
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "comes of a peer that requires a client certificate over %s: TLS_FAILED, at once",
    async (version) => {
      const tls: TlsOptions = {
        ...good,
        ca: ca.cert,
        requestCert: true,
        rejectUnauthorized: true,
        maxVersion: version,
      };
      const error = await failureWith(() => {}, { tls: { ...tls, minVersion: version } });
      expect(error).toMatchObject({ code: "TLS_FAILED" });
      expect(error.message).toContain("client certificate");
    },
  );

  it("comes of a peer whose authority is not trusted: TLS_FAILED", async () => {
    const error = await failureWith(() => {}, { tls: good }, { tls: {} });
    expect(error).toMatchObject({ code: "TLS_FAILED", phase: "secure" });
    expect(error.message).toContain("tls.ca");
  });

  it("is made for a caller that gives up while SETTINGS are awaited, and the connection is ended", async () => {
    const connected = Promise.withResolvers<void>();
    await using server = await frameServer(() => connected.resolve(), { settings: null });
    await using transport = http2();
    const controller = new AbortController();
    const asked = failure(transport.request({ url: server.url, signal: controller.signal }));
    await connected.promise;
    controller.abort(new Error("enough"));
    expect(await asked).toMatchObject({ code: "ABORTED", delivery: "not-sent", cause: { message: "enough" } });
    await server.idle();
  });
});

describe("a session", () => {
  it.each([
    ["an IPv4 literal", "127.0.0.1", "127.0.0.1"],
    ["an IPv6 literal", "::1", "[::1]"],
    ["a name", "127.0.0.1", "a.example"],
  ])("reaches %s over TLS and in the clear, and is used again", async (_, listen, host) => {
    const lookup: Http2Options["lookup"] = (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]);
    for (const secure of [true, false]) {
      await using server = await frameServer(answering(), {
        listen: { host: listen, port: 0 },
        ...(secure && { tls: good }),
      });
      await using transport = http2({ tls: { ca: ca.cert }, lookup });
      const url = `${secure ? "https" : "http"}://${host}:${server.port}/`;
      const { body, connection } = await transport.request({ url });
      expect(await body.text()).toBe("ok");
      expect(connection.tls?.alpn).toBe(secure ? "h2" : undefined);
      expect(await getText(transport, url)).toBe("ok");
      expect(server.peers).toHaveLength(1);
      const { headers } = server.requests[0]!;
      expect(headers).toMatchObject({
        ":scheme": secure ? "https" : "http",
        ":authority": `${host}:${server.port}`,
      });
    }
  });

  it("reaches a unix socket, with the origin's own name", async () => {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-"));
    const socketPath = join(directory, "s");
    {
      await using server = await frameServer(answering(), { listen: { path: socketPath } });
      await using transport = http2({ socketPath });
      expect(await getText(transport, "http://a.example/")).toBe("ok");
      expect(server.requests[0]!.headers[":authority"]).toBe("a.example");
    }
    await rm(directory, { recursive: true });
  });

  it.each([true, false])("goes through a CONNECT proxy (over TLS: %s)", async (secure) => {
    await using server = await frameServer(answering(), secure ? { tls: good } : {});
    const asked: string[] = [];
    const sockets: Socket[] = [];
    const proxy = createServer((socket) => {
      socket.once("data", (head) => {
        asked.push(String(head).split("\r\n")[0]!);
        const upstream = connect(server.port, "127.0.0.1");
        sockets.push(socket, upstream);
        socket.on("error", () => {}).pipe(upstream.on("error", () => {}));
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.pipe(socket);
      });
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    {
      const { port } = proxy.address() as AddressInfo;
      await using transport = http2({ tls: { ca: ca.cert }, proxy: `http://127.0.0.1:${port}` });
      expect(await getText(transport, `${secure ? "https" : "http"}://a.example:${server.port}/`)).toBe("ok");
    }
    expect(asked).toEqual([`CONNECT a.example:${server.port} HTTP/1.1`]);
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await once(proxy, "close");
  });

  it("shows the client certificate that its peer requires", async () => {
    const tls = { ...good, ca: ca.cert, requestCert: true, rejectUnauthorized: true };
    await using server = await frameServer(answering(), { tls });
    await using transport = http2({ tls: { ca: ca.cert, cert: client.cert, key: client.key } });
    expect(await getText(transport, server.url)).toBe("ok");
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("resumes %s with the ticket of the session before", async (version) => {
    await using server = await frameServer(answering(), { tls: { ...good, maxVersion: version } });
    await using transport = http2({ tls: { ca: ca.cert }, maxExchanges: 1 });
    const resumed: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const { body, connection } = await transport.request({ url: server.url });
      await body.bytes();
      resumed.push([connection.tls?.version, connection.tls?.resumed]);
    }
    expect(resumed).toEqual([
      [version, false],
      [version, true],
    ]);
  });

  it.each([
    ["of itself", {}, 2 ** 20, 2 ** 24],
    ["as told", { windows: { streamBytes: 100_000, sessionBytes: 2 ** 23 } }, 100_000, 2 ** 23],
    ["as small as can be", { windows: { streamBytes: 65_535, sessionBytes: 2 ** 22 } }, 65_535, 2 ** 22],
  ])("announces windows %s, its limit on heads, and that it wants no push", async (_, options, stream, session) => {
    await using server = await frameServer(answering());
    await using transport = http2(options);
    await getText(transport, server.url);
    const peer = server.peers[0]!;
    const { payload } = await peer.frame(frames.settings);
    const announced: Record<number, number> = {};
    for (let at = 0; at < payload.byteLength; at += 6)
      announced[payload.readUInt16BE(at)] = payload.readUInt32BE(at + 2);
    expect(announced).toMatchObject({ 2: 0, [setting.windowBytes]: stream, [setting.headBytes]: 16_384 });
    // A connection starts with the window that RFC 9113, 6.9.2, gives it.
    const credit = (): number =>
      peer.all(frames.windowUpdate, 0).reduce((sum, one) => sum + one.payload.readUInt32BE(0), 65_535);
    await peer.until(() => (credit() >= session ? true : undefined));
    expect(credit()).toBe(session);
  });
});
