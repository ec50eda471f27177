import { describe, expect, it } from "vitest";
import { protocolOf } from "../src/first-bytes.ts";
import { type FetchHandler, serve, type ServeOptions } from "../src/index.ts";
import { judgeUpgrade, type UpgradeHead } from "../src/judge-upgrade.ts";
import { parseServeOptions } from "../src/options.ts";
import { ask, http1Client, http2Client, muxTransport } from "./clients.ts";

const fetch: FetchHandler = () => new Response();

describe("options of serve", () => {
  it.each([
    ["fetch", {}],
    ["port", { fetch, port: 70_000 }],
    ["protocols", { fetch, protocols: ["h3"] }],
    ["protocols", { fetch, protocols: [] }],
    ["timeouts.headMs", { fetch, timeouts: { headMs: 0 } }],
    ["timeouts has no option headTimeout", { fetch, timeouts: { headTimeout: 1 } }],
    ["limits.bodyBytes", { fetch, limits: { bodyBytes: "1mb" } }],
    ["limits.maxStreams is not a whole number", { fetch, limits: { maxStreams: 10.5 } }],
    ["limits.headBytes is not a whole number", { fetch, limits: { headBytes: 16_384.5 } }],
    ["limits.messageBytes is not a whole number", { fetch, limits: { messageBytes: 1_000.5 } }],
    ["limits has no option bodyMb", { fetch, limits: { bodyMb: 1 } }],
    ["ping.intervalMs", { fetch, ping: { intervalMs: Number.NaN } }],
    ["origins", { fetch, origins: ["app.example"] }],
    ["origins", { fetch, origins: ["https://app.example/"] }],
    ["subprotocols", { fetch, subprotocols: ["chat v1"] }],
    ["channel", { fetch, channel: true }],
    ["authorize", { fetch, authorize: true }],
    ["onError", { fetch, onError: true }],
    ["serve has no option hostName", { fetch, hostName: "a" }],
  ])("that are wrong are named: %s", async (name, options) => {
    await expect(serve(options as unknown as ServeOptions)).rejects.toThrow(TypeError);
    await expect(serve(options as unknown as ServeOptions)).rejects.toThrow(name);
  });

  it("have the documented defaults", () => {
    const { timeouts, limits, upgrade, protocols } = parseServeOptions({ fetch });
    expect(timeouts).toEqual({
      handshakeMs: 10_000,
      headMs: 10_000,
      requestMs: 300_000,
      bodyGapMs: 30_000,
      keepAliveMs: 5_000,
      idleMs: 60_000,
    });
    expect(limits).toEqual({
      headBytes: 16_384,
      maxFields: 128,
      bodyBytes: 10_485_760,
      maxConnections: 10_000,
      maxStreams: 100,
      maxResets: 100,
      messageBytes: 1_048_576,
      sendBufferBytes: 1_048_576,
    });
    expect(upgrade.ping).toEqual({ intervalMs: 20_000, timeoutMs: 10_000 });
    expect([...protocols]).toEqual(["http/1.1", "h2", "websocket"]);
  });

  it("may take any limit off", async () => {
    const off = Infinity;
    await using server = await serve({
      hostname: "127.0.0.1",
      fetch,
      timeouts: { handshakeMs: off, headMs: off, requestMs: off, bodyGapMs: off, keepAliveMs: off, idleMs: off },
      limits: {
        headBytes: off,
        maxFields: off,
        bodyBytes: off,
        maxConnections: off,
        maxStreams: off,
        maxResets: off,
        messageBytes: off,
        sendBufferBytes: off,
      },
      ping: { intervalMs: off },
      channel: () => {},
    });
    await using one = http1Client(server.url);
    await using two = http2Client(server.url);
    await using three = muxTransport(server.url);
    expect(await ask(one, {})).toMatchObject({ status: 200 });
    expect(await ask(two, {})).toMatchObject({ status: 200 });
    expect(await three.request({ url: server.url })).toMatchObject({ status: 200 });
  });
});

describe("the first bytes of a connection", () => {
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  it("are those of HTTP/2 from the fourteenth on", () => {
    for (let length = 1; length < 14; length++)
      expect(protocolOf(Buffer.from(preface.slice(0, length)))).toBeUndefined();
    for (let length = 14; length <= preface.length; length++)
      expect(protocolOf(Buffer.from(preface.slice(0, length)))).toBe("h2");
  });

  it("are those of HTTP/1.1 as soon as they differ", () => {
    for (const text of ["G", "PO", "PRO", "PRI /", "PRI * HTTP/1", "\r\n", "\u0016\u0003"])
      expect(protocolOf(Buffer.from(text))).toBe("http/1.1");
  });
});

describe("the judgement on an upgrade", () => {
  const rules = { origins: new Set<string>(), exchanges: "mux", channels: ["a", "b"] };
  const head: UpgradeHead = { host: "h.example", origin: undefined, secure: false, subprotocols: undefined };

  it("prefers exchanges, then what the client prefers, and takes no names where none are offered", () => {
    expect(judgeUpgrade({ ...head, subprotocols: "a, mux" }, rules)).toEqual({
      serves: "exchanges",
      subprotocol: "mux",
    });
    expect(judgeUpgrade({ ...head, subprotocols: "x ,b,a" }, rules)).toEqual({ serves: "channel", subprotocol: "b" });
    expect(judgeUpgrade(head, rules)).toEqual({ serves: "channel", subprotocol: undefined });
    expect(judgeUpgrade(head, { ...rules, channels: undefined })).toMatchObject({ status: 400 });
  });

  it("takes a page of the same host by either scheme unless TLS ends here, default ports counting as none", () => {
    const from = (origin: string, secure: boolean, host = "h.example"): unknown =>
      judgeUpgrade({ ...head, origin, secure, host }, rules);
    expect(from("http://h.example", false)).toMatchObject({ serves: "channel" });
    expect(from("https://h.example", false)).toMatchObject({ serves: "channel" });
    expect(from("https://h.example", true, "H.example:443")).toMatchObject({ serves: "channel" });
    expect(from("http://h.example", true)).toMatchObject({ status: 403 });
    expect(from("file://h.example", false)).toMatchObject({ status: 403 });
    expect(judgeUpgrade({ ...head, origin: "http://h.example", host: undefined }, rules)).toMatchObject({
      status: 403,
    });
  });
});
