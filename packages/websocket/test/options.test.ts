import { describe, expect, it } from "vitest";
import { websocket } from "../src/index.ts";
import { parseWebSocketOptions } from "../src/options.ts";

describe("options", () => {
  it("have the defaults that the page says", () => {
    const { pool, path, messageBytes, sendBufferBytes, headBytes, ping, reconnect, codec } = parseWebSocketOptions({});
    expect(pool).toMatchObject({ maxConnections: 4, idleTimeoutMs: 300_000, maxQueued: 1_000, maxAgeMs: 300_000 });
    expect({ path, messageBytes, sendBufferBytes, headBytes, codec }).toEqual({
      path: "/",
      messageBytes: 2 ** 20,
      sendBufferBytes: 2 ** 20,
      headBytes: 16_384,
      codec: undefined,
    });
    expect(ping).toEqual({ intervalMs: 20_000, timeoutMs: 10_000 });
    expect(reconnect).toEqual({ minMs: 100, factor: 1.6, maxMs: 30_000 });
  });

  it.each<[object, RegExp]>([
    [{ maxConnection: 1 }, /^websocket has no option "maxConnection"/],
    [{ limits: { messageByts: 1 } }, /"limits\.messageByts"; it has .*limits\.messageBytes/],
    [{ reconnect: { maxMS: 1 } }, /"reconnect\.maxMS"; it has .*reconnect\.maxMs/],
    [{ windows: { sessionBytes: 2 ** 20 } }, /"windows\.sessionBytes"; it has windows\.streamBytes/],
    [{ ping: { interval: 1 } }, /"ping\.interval"; it has ping\.intervalMs/],
    [{ maxConnections: 0 }, /^maxConnections/],
    [{ maxStreams: 0 }, /^maxStreams/],
    [{ maxStreams: 1.5 }, /^maxStreams/],
    [{ timeouts: { connectMs: -1 } }, /^timeouts\.connectMs/],
    [{ timeouts: { connect: 1 } }, /^timeouts\.connect is unknown/],
    [{ windows: { streamBytes: 1 } }, /^windows\.streamBytes/],
    [{ windows: { connectionBytes: 2 ** 30 } }, /^windows\.connectionBytes/],
    [{ ping: { intervalMs: 0 } }, /^ping\.intervalMs/],
    [{ ping: { timeoutMs: "1" } }, /^ping\.timeoutMs/],
    [{ reconnect: { factor: 0 } }, /^reconnect\.factor/],
    [{ limits: { messageBytes: 0 } }, /^limits\.messageBytes/],
    [{ limits: { sendBufferBytes: -1 } }, /^limits\.sendBufferBytes/],
    [{ limits: { headBytes: 0 } }, /^limits\.headBytes/],
    [{ limits: { bodyBytes: -1 } }, /^limits\.bodyBytes/],
    [{ path: "relative" }, /^path/],
    [{ path: "/with space" }, /^path/],
    [{ path: "/with#fragment" }, /^path/],
    [{ path: "/with\r\nbreak" }, /^path/],
    [{ path: 1 }, /^path/],
    [{ headers: { "a b": "c" } }, /"a b" is not a field name/],
    [{ headers: { a: "b\r\nc" } }, /the field a /],
    [{ headers: { Upgrade: "h2c" } }, /the field upgrade belongs to the transport/],
    [{ headers: { "Sec-WebSocket-Protocol": "x" } }, /sec-websocket-protocol belongs to the transport/],
    [{ headers: { "content-length": "1" } }, /content-length belongs to the transport/],
    [{ codec: {} }, /^codec is not a codec/],
    [{ proxy: "ftp://a" }, /^proxy/],
    [{ socketPath: "" }, /^socketPath/],
    [{ tls: { ca: 1 } }, /tls/],
  ])("%j are a TypeError that names what is wrong", (options, words) => {
    const make = (): unknown => websocket(options);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(words);
  });

  it("never show a value, which may be a secret", () => {
    expect(() => websocket({ headers: { authorization: "Bearer secret\n" } })).toThrow(/^(?!.*secret)/s);
  });
});

it("a transport says what it is", async () => {
  await using transport = websocket();
  expect(transport["~holdfast"]).toMatchObject({ version: 1, vendor: "@holdfast/websocket", protocol: "websocket" });
  expect(transport.capabilities).toEqual({
    exchange: true,
    channel: true,
    multiplexed: true,
    duplex: true,
    requestTrailers: true,
    responseTrailers: true,
    informational: true,
    push: false,
  });
});
