import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type LookupFunction } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import {
  authority,
  certificate,
  type Certificate,
  expectNextWorks,
  failure,
  getText,
  ok,
  rawAnswers as answering,
  type RawPeer as Peer,
  rawServer,
} from "@holdfast/conformance/hostile";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { http1 } from "../src/index.ts";

let ca: Certificate;
let local: Certificate;
let named: Certificate;
let client: Certificate;

beforeAll(() => {
  ca = authority();
  local = certificate({ ip: ["127.0.0.1"] }, ca);
  named = certificate({ dns: ["a.example"] }, ca);
  client = certificate({ dns: ["alice.example"] }, ca);
});

const answerOk = answering(() => ok());

/** Every name is this machine. */
const loopback: LookupFunction = (_, __, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]);

describe("https", () => {
  it("is trusted by the authority that the caller names, and tells its TLS", async () => {
    await using server = await rawServer(answerOk, { tls: { ...local, ALPNProtocols: ["http/1.1"] } });
    await using transport = http1({ tls: { ca: ca.cert } });
    const { connection, timings, body } = await transport.request({ url: server.url });
    expect(await body.text()).toBe("ok");
    expect(connection.tls).toMatchObject({ version: "TLSv1.3", alpn: "http/1.1", resumed: false });
    expect(timings.secured).toBeGreaterThan(0);
  });

  it("is kept, and its session is resumed by the next connection", async () => {
    await using server = await rawServer(
      answering(({ path }) => ok("ok", path === "/last" ? "connection: close\r\n" : "")),
      { tls: local },
    );
    await using transport = http1({ tls: { ca: ca.cert } });
    await getText(transport, server.url);
    await getText(transport, `${server.url}/last`);
    const { connection, body } = await transport.request({ url: server.url });
    await body.text();
    expect(server.requests.map((request) => request.connection)).toEqual([0, 0, 1]);
    expect(connection.tls?.resumed).toBe(true);
  });

  it("asks for the name of the URL, whatever the host field says", async () => {
    const asked: (string | false | undefined)[] = [];
    await using server = await rawServer(
      (peer) => {
        asked.push((peer.socket as Peer["socket"] & { readonly servername?: string | false }).servername);
        return answerOk(peer);
      },
      { tls: named },
    );
    await using transport = http1({ tls: { ca: ca.cert }, lookup: loopback });
    const url = `https://a.example:${server.port}/`;
    await getText(transport, url);
    const { body } = await transport.request({ url, headers: { host: "b.example" } });
    expect(await body.text()).toBe("ok");
    expect(asked).toEqual(["a.example"]);
  });

  it.each([
    ["an authority that nobody named", () => ({}), "tls.ca"],
    ["another name", () => ({ tls: { ca: ca.cert } }), "a.example"],
  ])("with a certificate of %s is TLS_FAILED, and nothing is sent", async (_, options, words) => {
    await using server = await rawServer(answerOk, { tls: named });
    await using transport = http1(options());
    const error = await failure(transport.request({ url: server.url, method: "POST", body: "secret" }));
    expect(error).toMatchObject({ code: "TLS_FAILED", phase: "secure", delivery: "not-sent", replaySafe: true });
    expect(error.message).toContain(words);
    expect(server.requests).toEqual([]);
  });

  it("is verified whatever NODE_TLS_REJECT_UNAUTHORIZED says", async () => {
    // Node warns of it once.
    process.once("warning", () => {});
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    onTestFinished(() => void vi.unstubAllEnvs());
    await using server = await rawServer(answerOk, { tls: named });
    await using transport = http1();
    expect(await failure(transport.request({ url: server.url }))).toMatchObject({ code: "TLS_FAILED" });
    expect(server.requests).toEqual([]);
  });

  it("to a server that speaks no TLS is TLS_FAILED, and is never tried without", async () => {
    await using server = await rawServer((peer) => peer.fin("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"));
    await using transport = http1();
    const error = await failure(transport.request({ url: server.url.replace("http:", "https:") }));
    expect(error).toMatchObject({ code: "TLS_FAILED", phase: "secure", delivery: "not-sent" });
    expect(server.peers).toHaveLength(1);
  });

  it("to a server that never answers the handshake is CONNECT_TIMEOUT", async () => {
    await using server = await rawServer(() => {});
    await using transport = http1({ timeouts: { connectMs: 100 } });
    const error = await failure(transport.request({ url: server.url.replace("http:", "https:") }));
    expect(error).toMatchObject({ code: "CONNECT_TIMEOUT", phase: "secure", delivery: "not-sent" });
    expect(error.message).toContain("timeouts.connectMs");
    await server.idle();
  });
});

describe("a client certificate", () => {
  const demand = () => ({ ...local, ca: ca.cert, requestCert: true, rejectUnauthorized: true });

  it("that the server demands is shown", async () => {
    await using server = await rawServer(answerOk, { tls: demand() });
    await using transport = http1({ tls: { ca: ca.cert, ...client } });
    expect(await getText(transport, server.url)).toBe("ok");
  });

  // In TLS 1.3 the client is done with the handshake before the server has looked for the certificate.
  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "that is missing is TLS_FAILED on %s, and the request does not hang",
    async (maxVersion) => {
      await using server = await rawServer(answerOk, { tls: { ...demand(), maxVersion } });
      await using transport = http1({ tls: { ca: ca.cert } });
      const error = await failure(transport.request({ url: server.url }));
      expect(error).toMatchObject({ code: "TLS_FAILED", phase: "secure" });
      expect(error.message).toContain("tls.cert");
      expect(server.requests).toEqual([]);
    },
  );
});

describe("the way to a server", () => {
  it("is its address, where the URL has one", async () => {
    await using server = await rawServer(answerOk);
    const lookup: LookupFunction = () => {
      throw new Error("nothing is to be looked up");
    };
    await using transport = http1({ lookup });
    expect(await getText(transport, server.url)).toBe("ok");
  });

  it("is its IPv6 address, where the URL has that", async () => {
    await using server = await rawServer(answerOk, { listen: { host: "::1" } });
    await using transport = http1();
    const { connection, body } = await transport.request({ url: `http://[::1]:${server.port}/` });
    expect(await body.text()).toBe("ok");
    expect(connection.remoteAddress).toBe("::1");
    expect(server.requests[0]?.headers["host"]).toBe(`[::1]:${server.port}`);
  });

  it("over TLS to an IPv6 address checks that address", async () => {
    const [six, four] = [certificate({ ip: ["::1"] }, ca), certificate({ ip: ["127.0.0.1"] }, ca)];
    await using server = await rawServer(answerOk, { tls: six, listen: { host: "::1" } });
    await using other = await rawServer(answerOk, { tls: four, listen: { host: "::1" } });
    await using transport = http1({ tls: { ca: ca.cert } });
    expect(await failure(getText(transport, `https://[::1]:${other.port}/`))).toMatchObject({ code: "TLS_FAILED" });
    expect(await getText(transport, `https://[::1]:${server.port}/`)).toBe("ok");
  });

  it("is a unix socket, where the caller names one", async () => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const socketPath = join(folder, "http.sock");
    await using server = await rawServer(answerOk, { listen: { path: socketPath } });
    await using transport = http1({ socketPath });
    expect(await getText(transport, "http://a.example/path")).toBe("ok");
    expect(server.requests[0]?.headers["host"]).toBe("a.example");
  });

  it.each(["http", "https"] as const)("is a tunnel through a proxy, for %s", async (scheme) => {
    const asked: string[] = [];
    await using proxy = await rawServer(async (peer) => {
      const { method, path } = await peer.head();
      asked.push(`${method} ${path}`);
      const onward = connect(Number(path.split(":")[1]), "127.0.0.1");
      onward.on("error", () => peer.socket.destroy());
      await once(onward, "connect");
      await peer.write("HTTP/1.1 200 Connection established\r\n\r\n");
      peer.socket.pipe(onward).pipe(peer.socket);
      peer.socket.once("close", () => onward.destroy());
    });
    await using server = await rawServer(answerOk, scheme === "https" ? { tls: named } : {});
    await using transport = http1({ proxy: proxy.url, tls: { ca: ca.cert } });
    for (let i = 0; i < 2; i++) expect(await getText(transport, `${scheme}://a.example:${server.port}/`)).toBe("ok");
    expect(asked).toEqual([`CONNECT a.example:${server.port}`]);
    expect(server.requests.map((request) => request.connection)).toEqual([0, 0]);
  });

  it("fails with CONNECT_FAILED through a proxy that refuses", async () => {
    await using proxy = await rawServer(async (peer) => {
      await peer.head();
      peer.fin("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    });
    await using transport = http1({ proxy: proxy.url });
    const error = await failure(transport.request({ url: "http://a.example/secret" }));
    expect(error).toMatchObject({ code: "CONNECT_FAILED", delivery: "not-sent" });
    expect(error.message).not.toContain("/secret");
  });

  it("fails with CONNECT_FAILED where nobody listens", async () => {
    const server = await rawServer(() => {});
    await server[Symbol.asyncDispose]();
    await using transport = http1();
    const error = await failure(transport.request({ url: server.url, method: "POST", body: "x" }));
    expect(error).toMatchObject({ code: "CONNECT_FAILED", phase: "connect", delivery: "not-sent", replaySafe: true });
    expect(transport.stats().totals).toMatchObject({ dialsFailed: 1, connectionsOpened: 0 });
  });

  it("fails with RESOLVE_FAILED where the name has no address", async () => {
    const lookup: LookupFunction = (name, _, callback) =>
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: "ENOTFOUND" }), []);
    await using transport = http1({ lookup });
    const error = await failure(transport.request({ url: "http://a.invalid/" }));
    expect(error).toMatchObject({ code: "RESOLVE_FAILED", phase: "resolve", delivery: "not-sent" });
  });

  it("is found again after the server came back on its port", async () => {
    const first = await rawServer(answerOk);
    await using transport = http1();
    await getText(transport, first.url);
    await first[Symbol.asyncDispose]();
    expect(await failure(transport.request({ url: first.url }))).toMatchObject({ code: "CONNECT_FAILED" });
    await using second = await rawServer(answerOk, { listen: { port: first.port } });
    await expectNextWorks(transport, second);
  });
});

describe("connections", () => {
  it("are never more than maxConnections, and every exchange gets its turn", async () => {
    let open = 0;
    let most = 0;
    await using server = await rawServer(async (peer) => {
      most = Math.max(most, ++open);
      void peer.closed.then(() => open--);
      await answering(async () => {
        await turn();
        return ok();
      })(peer);
    });
    await using transport = http1({ maxConnections: 3 });
    const texts = await Promise.all(Array.from({ length: 200 }, (_, i) => getText(transport, `${server.url}/${i}`)));
    expect(texts).toEqual(texts.map(() => "ok"));
    expect(most).toBe(3);
    expect(new Set(server.requests.map(({ path }) => path)).size).toBe(200);
    expect(server.requests).toHaveLength(200);
  });

  it("stand ready after warm()", async () => {
    await using server = await rawServer(answerOk);
    await using transport = http1();
    await transport.warm(server.url, { connections: 3 });
    expect(transport.stats().connections).toMatchObject({ idle: 3, active: 0, connecting: 0 });
    await Promise.all([1, 2, 3].map(() => getText(transport, server.url)));
    expect(server.peers).toHaveLength(3);
  });

  it("that are full turn the next exchange away at once where maxQueued is 0", async () => {
    const answer = Promise.withResolvers<string>();
    await using server = await rawServer(answering(() => answer.promise));
    await using transport = http1({ maxConnections: 1, maxQueued: 0 });
    const first = getText(transport, server.url);
    while (server.requests.length === 0) await turn();
    const error = await failure(transport.request({ url: server.url }));
    expect(error).toMatchObject({ code: "QUEUE_FULL", phase: "queue", delivery: "not-sent" });
    expect(error.message).toContain("maxQueued");
    answer.resolve(ok());
    expect(await first).toBe("ok");
  });
});
