import { once } from "node:events";
import type { Socket } from "node:net";
import { inspect } from "node:util";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { dialler } from "../src/index.ts";
import { authority, type Certificate, certificate } from "./certificates.ts";
import { connectProxy, socksProxy } from "./proxies.ts";
import { closedPort, lookupOf, rejection, requestFor, tcpServer, tlsServer } from "./servers.ts";

let ca: Certificate;
let good: Certificate;

beforeAll(async () => {
  ca = await authority();
  good = await certificate({ dns: ["a.example"], ip: ["127.0.0.1"] }, ca);
});

afterEach(() => vi.unstubAllEnvs());

const echo = (socket: Socket): void => void socket.pipe(socket);

async function echoes(socket: Socket, text: string): Promise<void> {
  socket.write(text);
  if (socket.readableLength === 0) await once(socket, "readable");
  expect(String(socket.read())).toBe(text);
  socket.destroy();
}

describe("a dial through an HTTP proxy", () => {
  it("reaches a cleartext target by CONNECT, its name resolved by the proxy", async () => {
    await using target = await tcpServer(echo);
    await using proxy = await connectProxy();
    const lookup = lookupOf();
    const dialled = await dialler({ proxy: `http://127.0.0.1:${proxy.port}`, lookup }).dial(
      requestFor(`http://a.example:${target.port}`),
    ).done;
    expect(proxy.heads).toEqual([
      `CONNECT a.example:${target.port} HTTP/1.1\r\nhost: a.example:${target.port}\r\n\r\n`,
    ]);
    expect(lookup.asked).toEqual([]);
    expect(dialled.resolvedAt).toBeUndefined();
    expect(dialled.remotePort).toBe(proxy.port);
    await echoes(dialled.socket, "through");
    await proxy.allClosed();
    await target.allClosed();
  });

  it("puts an IPv6 literal in brackets", async () => {
    await using target = await tcpServer(echo);
    await using proxy = await connectProxy();
    const { socket } = await dialler({ proxy: `http://127.0.0.1:${proxy.port}` }).dial(
      requestFor(`http://[::1]:${target.port}`),
    ).done;
    expect(proxy.heads[0]).toMatch(/^CONNECT \[::1\]:/);
    socket.destroy();
  });

  it.each(["http", "https"])("speaks TLS to the target over an %s: proxy, and resumes it", async (scheme) => {
    await using target = await tlsServer(good, (socket) => socket.write("x"));
    await using proxy = await connectProxy(scheme === "https" ? { tls: good } : {});
    const { dial } = dialler({ proxy: `${scheme}://127.0.0.1:${proxy.port}`, tls: { ca: ca.cert } });
    for (const resumed of [false, true]) {
      const { socket, tls } = await dial(requestFor(`https://a.example:${target.port}`)).done;
      await once(socket, "readable");
      expect(String(socket.read())).toBe("x");
      expect(tls?.resumed).toBe(resumed);
      socket.destroy();
    }
    await proxy.allClosed();
    await target.allClosed();
  });

  it("loses no byte that comes with the proxy's answer", async () => {
    await using target = await tcpServer();
    await using proxy = await connectProxy({ greeting: "220 early" });
    const { socket } = await dialler({ proxy: `http://127.0.0.1:${proxy.port}` }).dial(
      requestFor(`http://a.example:${target.port}`),
    ).done;
    expect(socket.readableFlowing).not.toBe(true);
    expect(String(await once(socket, "data"))).toBe("220 early");
    socket.destroy();
  });

  it("sends the credentials of its URL to the proxy, once", async () => {
    await using target = await tcpServer();
    await using proxy = await connectProxy();
    const { socket } = await dialler({ proxy: `http://us%40er:p%3Aw@127.0.0.1:${proxy.port}` }).dial(
      requestFor(`http://a.example:${target.port}`),
    ).done;
    expect(proxy.heads[0]?.match(/proxy-authorization: .*/g)).toEqual([
      `proxy-authorization: Basic ${btoa("us@er:p:w")}`,
    ]);
    socket.destroy();
  });

  it.each([
    [
      "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
      /requires other credentials: it answered CONNECT with status 407$/,
    ],
    ["HTTP/1.1 503 Service Unavailable\r\n\r\n", /refused the tunnel: it answered CONNECT with status 503$/],
    ["SSH-2.0-OpenSSH\r\n", /does not speak HTTP\/1$/],
    ["", /closed the connection before it answered$/],
  ])("fails with CONNECT_FAILED if it answers %j", async (answer, message) => {
    await using proxy = await connectProxy({ answer });
    const error = await rejection(
      dialler({ proxy: `http://user:secret@127.0.0.1:${proxy.port}` }).dial(requestFor("https://a.example")).done,
    );
    expect(error).toMatchObject({
      code: "CONNECT_FAILED",
      phase: "connect",
      origin: "https://a.example",
      delivery: "not-sent",
    });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`the proxy http://127.0.0.1:${proxy.port} `);
    expect(inspect(error, { depth: 9 })).not.toContain("secret");
    await proxy.allClosed();
  });

  it("fails with CONNECT_FAILED if the proxy cannot be reached, resolved or trusted", async () => {
    const request = requestFor("http://a.example");
    const refused = await rejection(dialler({ proxy: `http://127.0.0.1:${await closedPort()}` }).dial(request).done);
    expect(refused).toMatchObject({ code: "CONNECT_FAILED", cause: { code: "ECONNREFUSED" } });
    const unknown = await rejection(dialler({ proxy: "http://p.example", lookup: lookupOf() }).dial(request).done);
    expect(unknown).toMatchObject({ code: "CONNECT_FAILED", phase: "connect" });
    await using proxy = await connectProxy({ tls: good });
    const untrusted = await rejection(
      dialler({ proxy: `https://127.0.0.1:${proxy.port}`, tls: { rejectUnauthorized: false } }).dial(request).done,
    );
    expect(untrusted).toMatchObject({ code: "CONNECT_FAILED", cause: { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" } });
    expect(untrusted.message).toMatch(/cannot be reached: the certificate was issued by an authority/);
  });

  it("times out in the connect phase if it never answers", async () => {
    await using proxy = await tcpServer();
    const error = await rejection(
      dialler({ proxy: `http://127.0.0.1:${proxy.port}` }).dial(requestFor("https://a.example", { timeoutMs: 200 }))
        .done,
    );
    expect(error).toMatchObject({ code: "CONNECT_TIMEOUT", phase: "connect" });
    expect(error.message).toContain(`the proxy http://127.0.0.1:${proxy.port} has not opened a tunnel yet`);
    await proxy.allClosed();
  });
});

describe("a dial through a SOCKS proxy", () => {
  it("lets the proxy resolve the name with socks5h:", async () => {
    await using target = await tcpServer(echo);
    await using proxy = await socksProxy();
    const dialled = await dialler({ proxy: `socks5h://127.0.0.1:${proxy.port}` }).dial(
      requestFor(`http://a.example:${target.port}`),
    ).done;
    expect(proxy.hosts).toEqual(["a.example"]);
    expect(dialled.resolvedAt).toBeUndefined();
    await echoes(dialled.socket, "through");
    await proxy.allClosed();
  });

  it("resolves the name itself with socks5:, and tries each address", async () => {
    await using target = await tcpServer(echo);
    await using proxy = await socksProxy({ refuse: ["192.0.2.1"] });
    const { dial } = dialler({ proxy: `socks5://127.0.0.1:${proxy.port}`, lookup: lookupOf("192.0.2.1", "192.0.2.2") });
    const dialled = await dial(requestFor(`http://a.example:${target.port}`)).done;
    expect(proxy.hosts).toEqual(["192.0.2.1", "192.0.2.2"]);
    expect(dialled.resolvedAt).toBeDefined();
    await echoes(dialled.socket, "through");
  });

  it("speaks TLS to the target", async () => {
    await using target = await tlsServer(good, (socket) => socket.end("secret"));
    await using proxy = await socksProxy();
    const { dial } = dialler({ proxy: `socks5h://127.0.0.1:${proxy.port}`, tls: { ca: ca.cert } });
    const { socket } = await dial(requestFor(`https://a.example:${target.port}`)).done;
    expect(String(await once(socket, "data"))).toBe("secret");
    socket.destroy();
  });

  it("loses no byte that comes with the proxy's answer", async () => {
    await using target = await tcpServer();
    await using proxy = await socksProxy({ greeting: "220 early" });
    const { socket } = await dialler({ proxy: `socks5h://127.0.0.1:${proxy.port}` }).dial(
      requestFor(`http://a.example:${target.port}`),
    ).done;
    expect(socket.readableFlowing).not.toBe(true);
    expect(String(await once(socket, "data"))).toBe("220 early");
    socket.destroy();
  });

  it("logs in with the credentials of its URL", async () => {
    await using target = await tcpServer(echo);
    await using proxy = await socksProxy({ login: "us@er:p:w" });
    const { dial } = dialler({ proxy: `socks5h://us%40er:p%3Aw@127.0.0.1:${proxy.port}` });
    await echoes((await dial(requestFor(`http://a.example:${target.port}`)).done).socket, "through");
  });

  it("fails with CONNECT_FAILED if it refuses the login, without telling it", async () => {
    await using proxy = await socksProxy({ login: "user:other" });
    const error = await rejection(
      dialler({ proxy: `socks5h://user:secret@127.0.0.1:${proxy.port}` }).dial(requestFor("http://a.example")).done,
    );
    expect(error).toMatchObject({ code: "CONNECT_FAILED", phase: "connect" });
    expect(error.message).toMatch(/the proxy socks5h:\/\/127\.0\.0\.1:\d+ refused the tunnel: .*Authentication failed/);
    expect(inspect(error, { depth: 9 })).not.toContain("secret");
    await proxy.allClosed();
  });

  it("fails with CONNECT_FAILED if it refuses the target, once for all addresses", async () => {
    await using proxy = await socksProxy({ refuse: ["192.0.2.1", "192.0.2.2"] });
    const { dial } = dialler({ proxy: `socks5://127.0.0.1:${proxy.port}`, lookup: lookupOf("192.0.2.1", "192.0.2.2") });
    const error = await rejection(dial(requestFor("http://a.example")).done);
    expect(error).toMatchObject({ code: "CONNECT_FAILED", phase: "connect" });
    expect(error.message).toMatch(/HostUnreachable/);
    expect((error.cause as AggregateError).errors).toHaveLength(2);
    await proxy.allClosed();
  });

  it("fails if it hangs up, or cannot be given so long a name", async () => {
    await using proxy = await tcpServer((socket) => socket.once("data", () => socket.end()));
    const { dial } = dialler({ proxy: `socks5h://127.0.0.1:${proxy.port}` });
    expect((await rejection(dial(requestFor("http://a.example")).done)).message).toMatch(
      /closed the connection before it answered$/,
    );
    expect((await rejection(dial(requestFor(`http://${"a".repeat(256)}`)).done)).message).toMatch(
      /more than 255 bytes$/,
    );
    await proxy.allClosed();
  });

  it("times out if it never answers", async () => {
    await using proxy = await tcpServer();
    const error = await rejection(
      dialler({ proxy: `socks5h://127.0.0.1:${proxy.port}` }).dial(requestFor("http://a.example", { timeoutMs: 300 }))
        .done,
    );
    expect(error).toMatchObject({ code: "CONNECT_TIMEOUT", phase: "connect" });
    await proxy.allClosed();
  });
});

describe("the proxy of the environment", () => {
  it("is read at each dial, and only if asked for", async () => {
    await using target = await tcpServer();
    await using proxy = await connectProxy();
    for (const name of [
      "http_proxy",
      "HTTP_PROXY",
      "https_proxy",
      "HTTPS_PROXY",
      "all_proxy",
      "ALL_PROXY",
      "no_proxy",
      "NO_PROXY",
      "REQUEST_METHOD",
    ]) {
      vi.stubEnv(name, undefined);
    }
    const lookup = lookupOf("127.0.0.1");
    const direct = dialler({ lookup });
    const asked = dialler({ lookup, proxy: "environment" });
    const request = requestFor(`http://a.example:${target.port}`);
    const tunnels = async (from: typeof asked): Promise<number> => {
      (await from.dial(request).done).socket.destroy();
      return proxy.heads.length;
    };
    expect(await tunnels(asked)).toBe(0);
    vi.stubEnv("HTTP_PROXY", `http://127.0.0.1:${proxy.port}`);
    expect(await tunnels(direct)).toBe(0);
    expect(await tunnels(asked)).toBe(1);
    vi.stubEnv("NO_PROXY", ".example");
    expect(await tunnels(asked)).toBe(1);
    vi.stubEnv("NO_PROXY", "");
    vi.stubEnv("HTTP_PROXY", "gopher://user:secret@p");
    const error = await rejection(asked.dial(request).done);
    expect(error).toMatchObject({ code: "CONNECT_FAILED" });
    expect(error.message).toMatch(/in the environment, HTTP_PROXY has the scheme gopher:/);
    expect(inspect(error)).not.toContain("secret");
  });
});
