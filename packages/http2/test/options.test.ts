import { failure, frameAnswers as answering, frameServer, getText } from "@holdfast/conformance/hostile";
import { isTransport } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { http2, type Http2Options } from "../src/index.ts";
import { parseHttp2Options } from "../src/options.ts";

describe("the options", () => {
  it.each([
    [{ maxStream: 1 }, /maxStream/],
    [{ undici: {} }, /undici/],
    [{ maxConnections: 0 }, /maxConnections/],
    [{ maxConnections: 1.5 }, /maxConnections/],
    [{ maxTotalConnections: "many" }, /maxTotalConnections/],
    [{ maxQueued: -1 }, /maxQueued/],
    [{ idleTimeoutMs: Number.NaN }, /idleTimeoutMs/],
    [{ maxAgeMs: -1 }, /maxAgeMs/],
    [{ maxExchanges: 0 }, /maxExchanges/],
    [{ minConnections: -1 }, /minConnections/],
    [{ timeouts: { headersMs: 1 } }, /timeouts\.headersMs/],
    [{ timeouts: { headMs: "1" } }, /timeouts\.headMs/],
    [{ limits: { headBytes: 0 } }, /limits\.headBytes/],
    [{ limits: { headByts: 1 } }, /"limits\.headByts"; it has .*limits\.headBytes/],
    [{ ping: { interval: 1 } }, /"ping\.interval"; it has ping\.intervalMs/],
    [{ limits: { bodyBytes: -1 } }, /limits\.bodyBytes/],
    [{ maxStreams: 0 }, /maxStreams/],
    [{ maxStreams: "1" }, /maxStreams/],
    [{ maxStreams: 1.5 }, /maxStreams/],
    [{ windows: { streamBytes: 65_534 } }, /windows\.streamBytes/],
    [{ windows: { streamBytes: 2 ** 24 + 1 } }, /windows\.streamBytes/],
    [{ windows: { sessionBytes: 2 ** 22 - 1 } }, /windows\.sessionBytes is not a whole number from 4194304/],
    [{ windows: { sessionBytes: 5_000_000.5 } }, /windows\.sessionBytes/],
    [{ windows: { sessionBytes: Infinity } }, /windows\.sessionBytes/],
    [{ ping: { intervalMs: 0 } }, /ping\.intervalMs/],
    [{ ping: { timeoutMs: -1 } }, /ping\.timeoutMs/],
    [{ proxy: "gopher://a.example" }, /proxy|gopher/],
    [{ http2: { createConnection: () => {} } }, /http2\.createConnection/],
    [{ http2: { servername: "a.example" } }, /http2\.servername.* tls/],
    [{ http2: { session: Buffer.alloc(1) } }, /http2\.session/],
    [{ http2: { timeout: 1 } }, /http2\.timeout/],
    [{ http2: { maxSendHeaderBlockLength: "long" } }, /http2\.maxSendHeaderBlockLength/],
  ])("%j are refused by name", (options, words) => {
    expect(() => http2(options as Http2Options)).toThrow(TypeError);
    expect(() => http2(options as Http2Options)).toThrow(words);
  });

  it("have the defaults that their comments tell, once and for all", () => {
    const parsed = parseHttp2Options({});
    expect(parsed).toMatchObject({
      pool: {
        maxConnections: 4,
        maxTotalConnections: 1_000,
        maxQueued: 1_000,
        idleTimeoutMs: 60_000,
        maxAgeMs: 300_000,
        maxExchanges: 10_000,
        minConnections: 0,
        maxBodyBytes: 10 * 1024 * 1024,
        timeouts: { queueMs: 10_000, connectMs: 10_000, headMs: 30_000, bodyGapMs: 30_000 },
      },
      maxStreams: 100,
      headBytes: 16_384,
      windows: { streamBytes: 2 ** 20, sessionBytes: 2 ** 24 },
      ping: { intervalMs: 20_000, timeoutMs: 10_000 },
    });
    expect(Object.isFrozen(parsed) && Object.isFrozen(parsed.session)).toBe(true);
  });

  it("for node's session that are undefined count as not given", () => {
    const { session } = parseHttp2Options({ http2: { createConnection: undefined } as object });
    expect(session).toMatchObject({ maxSessionMemory: 1_024, maxHeaderListPairs: 513 });
  });

  it("for node's session may change its bounds", () => {
    const bounds = { maxSessionMemory: 10, maxHeaderListPairs: 50, maxOutstandingPings: 2 };
    expect(parseHttp2Options({ http2: bounds }).session).toMatchObject(bounds);
  });

  it("for node's session cannot undo what the adapter depends on, and add the rest", () => {
    const settings = { enablePush: true, initialWindowSize: 5, maxHeaderListSize: 5, headerTableSize: 0 };
    expect(parseHttp2Options({ http2: { settings, maxSettings: 7 } }).session).toMatchObject({
      maxSettings: 7,
      settings: { enablePush: false, initialWindowSize: 2 ** 20, maxHeaderListSize: 16_384, headerTableSize: 0 },
    });
  });
});

describe("the transport", () => {
  it("is one, and says what it can do", async () => {
    await using transport = http2();
    expect(isTransport(transport)).toBe(true);
    expect(transport["~holdfast"]).toMatchObject({ vendor: "@holdfast/http2", protocol: "h2" });
    expect(transport.capabilities).toEqual({
      exchange: true,
      channel: false,
      multiplexed: true,
      duplex: true,
      requestTrailers: true,
      responseTrailers: true,
      informational: true,
      push: true,
    });
  });

  it("opens no channel and speaks to no other scheme: UNSUPPORTED, before anything is sent", async () => {
    await using server = await frameServer(answering());
    await using transport = http2();
    const outcomes = await Promise.all([
      failure(transport.open({ url: server.url })),
      failure(transport.request({ url: server.url.replace("http:", "ws:") })),
      failure(transport.warm("ftp://a.example")),
    ]);
    for (const error of outcomes) expect(error).toMatchObject({ code: "UNSUPPORTED", delivery: "not-sent" });
    expect(server.peers).toHaveLength(0);
  });

  it("uses a session for maxExchanges, then another", async () => {
    await using server = await frameServer(answering());
    await using transport = http2({ maxExchanges: 2 });
    for (let i = 0; i < 5; i++) await getText(transport, server.url);
    expect(server.requests.map(({ connection }) => connection)).toEqual([0, 0, 1, 1, 2]);
  });
});
