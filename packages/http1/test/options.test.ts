import { failure, getText, ok, rawAnswers as answering, rawServer } from "@holdfast/conformance/hostile";
import { isTransport } from "@holdfast/transport";
import { Client } from "undici";
import { describe, expect, it } from "vitest";
import { http1, type Http1Options } from "../src/index.ts";
import { parseHttp1Options } from "../src/options.ts";

describe("the options", () => {
  it.each([
    [{ maxConnection: 1 }, /maxConnection/],
    [{ maxConnections: 0 }, /maxConnections/],
    [{ maxConnections: 1.5 }, /maxConnections/],
    [{ maxTotalConnections: "many" }, /maxTotalConnections/],
    [{ maxQueued: -1 }, /maxQueued/],
    [{ idleTimeoutMs: NaN }, /idleTimeoutMs/],
    [{ maxAgeMs: -1 }, /maxAgeMs/],
    [{ maxExchanges: 0 }, /maxExchanges/],
    [{ minConnections: -1 }, /minConnections/],
    [{ timeouts: { headersMs: 1 } }, /timeouts\.headersMs/],
    [{ timeouts: { headMs: "1" } }, /timeouts\.headMs/],
    [{ limits: { headBytes: 0 } }, /limits\.headBytes/],
    [{ limits: { bodyBytes: -1 } }, /limits\.bodyBytes/],
    [{ limits: { headByts: 1 } }, /limits\.headByts.*limits\.headBytes/],
    [{ limits: 5 }, /limits is not an object/],
    [{ timeouts: 5 }, /timeouts is not an object/],
    [5, /http1 takes an object/],
    [null, /http1 takes an object/],
    [{ undici: { maxRequestsPerClient: -1 } }, /maxRequestsPerClient.*\(undici\)|\(undici\).*maxRequestsPerClient/],
    [{ proxy: "gopher://a.example" }, /proxy|gopher/],
  ])("%j are refused by name", (options, words) => {
    expect(() => http1(options as Http1Options)).toThrow(TypeError);
    expect(() => http1(options as Http1Options)).toThrow(words);
  });

  it("have the defaults that their comments tell, once and for all", () => {
    const { pool, client } = parseHttp1Options({});
    expect(pool).toMatchObject({
      maxConnections: 64,
      maxTotalConnections: 1_000,
      maxQueued: 1_000,
      idleTimeoutMs: 4_000,
      maxAgeMs: 300_000,
      maxExchanges: 10_000,
      minConnections: 0,
      maxBodyBytes: 10 * 1024 * 1024,
      timeouts: { queueMs: 10_000, connectMs: 10_000, headMs: 30_000, bodyGapMs: 30_000 },
    });
    expect(client.maxHeaderSize).toBe(16_384);
    expect(Object.isFrozen(pool) && Object.isFrozen(client)).toBe(true);
  });

  it("for undici cannot undo what the adapter depends on", () => {
    const { client } = parseHttp1Options({
      undici: {
        pipelining: 10,
        allowH2: true,
        useMilo: true,
        headersTimeout: 5,
        bodyTimeout: 5,
        maxHeaderSize: 5,
        strictContentLength: false,
      },
    });
    expect(client).toMatchObject({
      pipelining: 1,
      allowH2: false,
      useMilo: false,
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: 16_384,
      strictContentLength: false,
    });
    expect(() => new Client("http://a.example", client)).not.toThrow();
  });
});

describe("the transport", () => {
  it("is one, and says what it can do", async () => {
    await using transport = http1();
    expect(isTransport(transport)).toBe(true);
    expect(transport["~holdfast"]).toMatchObject({ vendor: "@holdfast/http1", protocol: "http/1.1" });
    expect(transport.capabilities).toEqual({
      exchange: true,
      channel: false,
      multiplexed: false,
      duplex: true,
      requestTrailers: false,
      responseTrailers: true,
      informational: true,
      push: false,
    });
  });

  it("opens no channel, sends no trailers and speaks to no other scheme: UNSUPPORTED, before anything is sent", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const outcomes = await Promise.all([
      failure(transport.open({ url: server.url })),
      failure(transport.request({ url: server.url, method: "POST", body: "x", trailers: () => ({ a: "b" }) })),
      failure(transport.request({ url: server.url.replace("http:", "ws:") })),
      failure(transport.warm("ftp://a.example")),
    ]);
    for (const error of outcomes) expect(error).toMatchObject({ code: "UNSUPPORTED", delivery: "not-sent" });
    expect(server.peers).toHaveLength(0);
  });

  it("has its limits.bodyBytes for bytes(), text() and json(), and none for streaming", async () => {
    await using server = await rawServer(answering(() => ok("12345")));
    await using transport = http1({ limits: { bodyBytes: 4 } });
    expect(await failure(getText(transport, server.url))).toMatchObject({ code: "LIMIT_EXCEEDED", phase: "body" });
    const { body } = await transport.request({ url: server.url });
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.byteLength;
    expect(bytes).toBe(5);
    const again = await transport.request({ url: server.url });
    expect(await again.body.text({ maxBytes: 5 })).toBe("12345");
  });
});
