import { once } from "node:events";
import { connect as tlsConnect } from "node:tls";
import { describe, expect, it } from "vitest";
import { type FetchHandler, serve, type ServeOptions, type Server } from "../src/index.ts";
import { certificate } from "./certificates.ts";
import { http2Client, textOf } from "./clients.ts";
import { raw } from "./raw.ts";

function serving(options: Partial<ServeOptions> = {}): Promise<Server> {
  return serve({ hostname: "127.0.0.1", fetch: () => new Response("served"), ...options });
}

const reading: FetchHandler = async (request) => new Response(`read ${(await request.text()).length}`);

/** Settles as `promise`, or after `turns` of the loop with undefined: for what must not happen. */
async function within<T>(turns: number, promise: Promise<T>): Promise<T | undefined> {
  let waited = 0;
  const late = new Promise<undefined>((resolve) => {
    const tick = (): void => void (waited++ < turns ? setImmediate(tick) : resolve(undefined));
    tick();
  });
  return await Promise.race([promise, late]);
}

describe("heads of HTTP/1.1", () => {
  async function answerTo(head: string, options: Partial<ServeOptions> = {}): Promise<string> {
    await using server = await serving(options);
    using connection = await raw(server.port);
    connection.send(head);
    return await connection.until(/^HTTP\/1.1 \d+ .*\r\n/);
  }

  it.each([
    [
      "both Content-Length and Transfer-Encoding",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    ["an unknown transfer coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"],
    ["a blank before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n"],
    ["a bare line feed in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\n2\r\n\r\n"],
    ["no host", "GET / HTTP/1.1\r\n\r\n"],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["one host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"],
    ["a host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"],
    ["a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ["a target that is no path", "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["an asterisk with another method than OPTIONS", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
  ])("are refused with 400 when they have %s", async (_, head) => {
    expect(await answerTo(head)).toMatch(/^HTTP\/1.1 400 /);
  });

  it("are served with an absolute target, whose host counts", async () => {
    const fetch: FetchHandler = ({ url }) => new Response(null, { headers: { "x-url": url } });
    await using server = await serving({ fetch });
    using connection = await raw(server.port);
    connection.send("GET http://b.example/p HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await connection.until(/\r\n\r\n/)).toContain("x-url: http://b.example/p\r\n");
  });

  it("are refused with 501 when they ask for TRACE", async () => {
    expect(await answerTo("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")).toMatch(/^HTTP\/1.1 501 /);
  });

  it("are refused with 431 above headBytes, 16 KiB unless told", async () => {
    const head = (bytes: number): string => `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(bytes)}\r\n\r\n`;
    expect(await answerTo(head(16_000))).toMatch(/^HTTP\/1.1 200 /);
    expect(await answerTo(head(16_384))).toMatch(/^HTTP\/1.1 431 /);
    expect(await answerTo(head(1_100), { limits: { headBytes: 1_024 } })).toMatch(/^HTTP\/1.1 431 /);
  });

  it("are refused with 431 above maxFields, 128 unless told", async () => {
    const head = (fields: number): string => `GET / HTTP/1.1\r\nHost: a\r\n${"X: 1\r\n".repeat(fields - 1)}\r\n`;
    expect(await answerTo(head(128))).toMatch(/^HTTP\/1.1 200 /);
    expect(await answerTo(head(129))).toMatch(/^HTTP\/1.1 431 /);
    expect(await answerTo(head(5_000), { limits: { headBytes: 100_000 } })).toMatch(/^HTTP\/1.1 431 /);
    expect(await answerTo(head(3), { limits: { maxFields: 2 } })).toMatch(/^HTTP\/1.1 431 /);
  });

  it("are answered 408 when they do not end within headMs", async () => {
    const timeouts = { headMs: 50 };
    await using server = await serving({ timeouts });
    using connection = await raw(server.port);
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n");
    expect(await connection.closed()).toMatch(/^HTTP\/1.1 408 /);
  });
});

describe("first bytes", () => {
  it("that do not come within handshakeMs end the connection", async () => {
    await using server = await serving({ timeouts: { handshakeMs: 30 } });
    using connection = await raw(server.port);
    connection.send("PR");
    expect(await connection.closed()).toBe("");
  });

  it("may come one by one", async () => {
    await using server = await serving();
    using connection = await raw(server.port);
    for (const byte of "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n") {
      connection.send(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await connection.until(/served/)).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe("bodies of HTTP/1.1", () => {
  const limits = { bodyBytes: 10 };

  it("are refused with 413, unread, when they say that they are longer than bodyBytes", async () => {
    let called = false;
    await using server = await serving({ limits, fetch: () => ((called = true), new Response()) });
    using connection = await raw(server.port);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
    const text = await connection.until(/\n$/);
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(text).toMatch(/connection: close/i);
    expect(called).toBe(false);
  });

  it("are refused with 413 in place of 100 when the client asks first", async () => {
    await using server = await serving({ limits, fetch: reading });
    using connection = await raw(server.port);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n");
    expect(await connection.until(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 413 /);
  });

  it("are asked for with 100 when the client asks first", async () => {
    await using server = await serving({ limits, fetch: reading });
    using connection = await raw(server.port);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    await connection.until(/^HTTP\/1.1 100 Continue\r\n\r\n$/);
    connection.send("hello");
    expect(await connection.until(/read 5/)).toMatch(/HTTP\/1.1 200 /);
  });

  it.each(["reads it", "swallows the error"])(
    "are answered 413 when they turn out longer and the handler %s",
    async (how) => {
      const { promise: told, resolve: tell } = Promise.withResolvers<unknown>();
      const fetch: FetchHandler = async (request) => {
        try {
          return new Response(await request.text());
        } catch (error) {
          tell(error);
          if (how === "reads it") throw error;
          return new Response("all is well");
        }
      };
      const errors: unknown[] = [];
      await using server = await serving({ limits, fetch, onError: (error) => void errors.push(error) });
      using connection = await raw(server.port);
      connection.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
      );
      connection.socket.on("end", () => connection.socket.end());
      const text = await connection.closed();
      expect(text).toMatch(/^HTTP\/1.1 413 /);
      expect(text).not.toContain("all is well");
      expect(String(await told)).toContain("too long");
      expect(errors).toEqual([]);
    },
  );

  it("are served up to the limit", async () => {
    await using server = await serving({ limits, fetch: reading });
    using connection = await raw(server.port);
    connection.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n",
    );
    expect(await connection.until(/read 10/)).toMatch(/^HTTP\/1.1 200 /);
  });

  it("are answered 408 when nothing of them comes for bodyGapMs", async () => {
    await using server = await serving({ timeouts: { bodyGapMs: 50 }, fetch: reading, onError: () => undefined });
    using connection = await raw(server.port);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhe");
    connection.socket.on("end", () => connection.socket.end());
    expect(await connection.closed()).toMatch(/^HTTP\/1.1 408 /);
  });

  it("are answered 408 when they trickle beyond requestMs", async () => {
    await using server = await serving({ timeouts: { requestMs: 100 }, fetch: reading, onError: () => undefined });
    using connection = await raw(server.port);
    connection.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
    const trickle = setInterval(() => connection.send("x"), 5);
    expect(await connection.closed()).toMatch(/^HTTP\/1.1 408 /);
    clearInterval(trickle);
  });

  it("do not hurry a handler that thinks for longer than bodyGapMs", async () => {
    const { promise: thought, resolve: think } = Promise.withResolvers<void>();
    await using server = await serving({
      timeouts: { bodyGapMs: 20 },
      fetch: async (request) => {
        if (request.method === "POST") return reading(request);
        await thought;
        return new Response("thought");
      },
      onError: () => undefined,
    });
    using connection = await raw(server.port);
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    // When one that owes a body has been given up, the limit has passed for this one too: twice, whichever was read first.
    for (let times = 0; times < 2; times++) {
      using owing = await raw(server.port);
      owing.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n");
      expect(await owing.closed()).toMatch(/^HTTP\/1.1 408 /);
    }
    think();
    expect(await connection.until(/thought/)).toMatch(/^HTTP\/1.1 200 /);
  });

  it("end the connection when the client does not take a response for bodyGapMs", async () => {
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    const endless = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(65_536)), cancel: () => cancel() });
    await using server = await serving({ timeouts: { bodyGapMs: 50 }, fetch: () => new Response(endless) });
    using connection = await raw(server.port);
    connection.socket.pause();
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await cancelled;
  });
});

describe("connections", () => {
  it("of HTTP/1.1 are kept for keepAliveMs, which clients are told, and then closed", async () => {
    await using server = await serving({ timeouts: { keepAliveMs: 1_000 } });
    using connection = await raw(server.port);
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await connection.until(/served/)).toMatch(/keep-alive: timeout=1\r\n/i);
    await connection.closed();
  });

  it("above maxConnections are closed at once", async () => {
    await using server = await serving({ limits: { maxConnections: 1 } });
    using first = await raw(server.port);
    first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await first.until(/served/);
    using second = await raw(server.port);
    expect(await second.closed()).toBe("");
  });

  it("of HTTP/2 end with GOAWAY after idleMs without a stream", async () => {
    await using server = await serving({ timeouts: { idleMs: 30 } });
    await using client = http2Client(server.url);
    const [code] = await once(client.session, "goaway");
    expect(code).toBe(0);
    await once(client.session, "close");
  });

  it("over TLS must speak TLS 1.2", async () => {
    const { key, cert } = await certificate();
    await using server = await serving({ tls: { key, cert } });
    const dial = async (version: "TLSv1.1" | "TLSv1.2"): Promise<string> => {
      const socket = tlsConnect({
        port: server.port,
        host: "127.0.0.1",
        ca: cert,
        minVersion: "TLSv1.1",
        maxVersion: version,
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      try {
        await once(socket, "secureConnect");
        return socket.getProtocol() ?? "";
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? "";
      } finally {
        socket.destroy();
      }
    };
    expect(await dial("TLSv1.1")).toMatch(/PROTOCOL_VERSION|NO_PROTOCOLS/);
    expect(await dial("TLSv1.2")).toBe("TLSv1.2");
  });

  it("over TLS that do not shake hands within handshakeMs end", async () => {
    const tls = await certificate();
    await using server = await serving({ tls, timeouts: { handshakeMs: 30 } });
    using connection = await raw(server.port);
    await connection.closed();
  });
});

describe("streams of HTTP/2", () => {
  it("are told maxStreams and headBytes", async () => {
    await using server = await serving({ limits: { maxStreams: 7, headBytes: 5_000 } });
    await using client = http2Client(server.url);
    const [settings] = await once(client.session, "remoteSettings");
    expect(settings).toMatchObject({ maxConcurrentStreams: 7, maxHeaderListSize: 5_000, enablePush: false });
  });

  it("are reset when their head is longer than headBytes, or has far more fields than maxFields", async () => {
    await using server = await serving({ limits: { headBytes: 2_048, maxFields: 10 } });
    await using client = http2Client(server.url);
    const early = client.open({ headers: { "x-long": "x".repeat(3_000) } });
    expect((await early.answer).status).toBe(431);
    const long = client.open({ headers: { "x-long": "x".repeat(3_000) } });
    await expect(long.answer).rejects.toThrow(/ENHANCE_YOUR_CALM|closed/);
    const many = client.open({ headers: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`x-${i}`, "1"])) });
    await expect(many.answer).rejects.toThrow(/ENHANCE_YOUR_CALM|closed/);
    const few = client.open({ headers: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`x-${i}`, "1"])) });
    expect((await few.answer).status).toBe(431);
  });

  it("are answered 413 when their body turns out longer than bodyBytes, and the session goes on", async () => {
    await using server = await serving({ limits: { bodyBytes: 10 }, fetch: reading });
    await using client = http2Client(server.url);
    const asking = client.open({ method: "POST" });
    asking.out.on("error", () => {});
    asking.out.write("hello");
    asking.out.write(" world");
    expect((await asking.answer).status).toBe(413);
    const next = client.open({ method: "POST" });
    next.out.end("short");
    expect(await textOf((await next.answer).body)).toBe("read 5");
  });

  it("are answered 408 when nothing of their body comes for bodyGapMs, or it does not end within requestMs", async () => {
    for (const timeouts of [{ bodyGapMs: 30 }, { requestMs: 60 }]) {
      await using server = await serving({ timeouts, fetch: reading });
      await using client = http2Client(server.url);
      const asking = client.open({ method: "POST" });
      asking.out.on("error", () => {});
      asking.out.write("he");
      expect((await asking.answer).status).toBe(408);
    }
  });

  it("are refused while as many handlers as maxStreams run, even for streams that are gone", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    let started = 0;
    const fetch = async (): Promise<Response> => {
      started += 1;
      await held;
      return new Response("late");
    };
    await using server = await serving({ limits: { maxStreams: 2 }, fetch });
    await using client = http2Client(server.url);
    const gone = [client.open({}), client.open({})];
    while (started < 2) await new Promise((resolve) => setImmediate(resolve));
    for (const asking of gone) asking.abort();
    const refused = client.open({});
    await expect(refused.answer).rejects.toThrow(/REFUSED_STREAM/);
    expect(started).toBe(2);
    release();
  });

  it("end when their client does not take a response for bodyGapMs, and the session goes on", async () => {
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    const endless = new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(65_536)), cancel: () => cancel() });
    const fetch: FetchHandler = ({ url }) => new Response(url.endsWith("/endless") ? endless : "free");
    await using server = await serving({ timeouts: { bodyGapMs: 50 }, fetch });
    await using client = http2Client(server.url);
    const { body } = await client.open({ path: "/endless" }).answer;
    body.on("error", () => {});
    await cancelled;
    expect(await textOf((await client.open({}).answer).body)).toBe("free");
  });

  it("wait for nobody: a session serves others while one stands still", async () => {
    const fetch: FetchHandler = ({ url }) =>
      url.endsWith("/held") ? new Promise<Response>(() => {}) : new Response("free");
    await using server = await serving({ fetch });
    await using client = http2Client(server.url);
    const held = client.open({ path: "/held" });
    expect(await textOf((await client.open({}).answer).body)).toBe("free");
    expect(await within(50, held.answer)).toBeUndefined();
  });
});
