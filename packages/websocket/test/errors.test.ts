import { failure } from "@holdfast/conformance/hostile";
import type { Channel, Transport, TransportError } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { websocket } from "../src/index.ts";
import { jsonRpc } from "../src/json-rpc.ts";
import { allOf } from "./raw-socket.ts";
import { type SocketServer, socketServer } from "./socket-server.ts";

/** An `open()` that fails. */
type Failing = (transport: Transport, server: SocketServer) => Promise<unknown>;

const opens: readonly (readonly [string, Failing])[] = [
  ["to what is no WebSocket", (transport) => transport.open({ url: "ftp://a.example/" })],
  ["with a signal that has fired", ({ open }, { url }) => open({ url, signal: AbortSignal.abort() })],
  [
    "whose signal fires",
    ({ open }, { url }) => {
      const controller = new AbortController();
      const opened = open({ url, signal: controller.signal });
      controller.abort();
      return opened;
    },
  ],
  [
    "of a transport that is closed",
    async ({ open, close }, { url }) => {
      await close();
      return open({ url });
    },
  ],
  [
    "of a transport that is closed meanwhile",
    async ({ open, destroy }, { url }) => {
      const opened = open({ url });
      await Promise.all([destroy(), failure(opened)]);
      return opened;
    },
  ],
  [
    "where as many are open as may be",
    async ({ open }, { url }) => {
      await open({ url });
      return open({ url });
    },
  ],
  ["that the server declines", ({ open }, { url }) => open({ url: url, subprotocols: ["other"] })],
];

async function refusal(failing: Failing): Promise<[TransportError, string]> {
  await using server = await socketServer(() => {}, { handleProtocols: () => false });
  await using transport = websocket({ maxTotalConnections: 1 });
  const error = await failure(failing(transport, server));
  await transport.destroy();
  return [error, server.url];
}

/** How a channel fails, with messages of at most 1 000 bytes each way. */
async function broken(breaks: (channel: Channel) => Promise<unknown>): Promise<[TransportError, number, string]> {
  await using server = await socketServer((socket) =>
    socket.on("message", (data) =>
      (data as Buffer).toString() === "nonsense"
        ? socket.send(Buffer.from([0xff]), { binary: false })
        : socket.send("x".repeat(1_001)),
    ),
  );
  await using transport = websocket({ limits: { messageBytes: 1_000, sendBufferBytes: 1_000 } });
  const channel = await transport.open({ url: server.url });
  const openedAt = performance.now();
  await new Promise((resolve) => setImmediate(resolve));
  const leastMs = performance.now() - openedAt;
  const error = await failure(breaks(channel));
  channel.destroy();
  await channel.closed;
  return [error, leastMs, server.url];
}

const breaks: readonly (readonly [string, (channel: Channel) => Promise<unknown>])[] = [
  [
    "whose peer sends too much",
    async (channel) => {
      await channel.send("answer me");
      return allOf(channel);
    },
  ],
  ["that is told to send too much", (channel) => channel.send("x".repeat(8_001))],
  [
    "whose peer sends nonsense",
    async (channel) => {
      await channel.send("nonsense");
      return allOf(channel);
    },
  ],
  [
    "that is destroyed",
    (channel) => {
      channel.destroy();
      return allOf(channel);
    },
  ],
  [
    "that is closed, and is to send",
    async (channel) => {
      channel.destroy();
      await channel.closed;
      return channel.send("x");
    },
  ],
];

/** What the message of each says, with `ORIGIN` for the origin. */
const words: Readonly<Record<string, string>> = {
  "to what is no WebSocket": "websocket speaks to http: and https: and ws: and wss: URLs, not to ftp:",
  "with a signal that has fired": "the caller gave up opening a channel to ORIGIN",
  "whose signal fires": "the caller gave up opening a channel to ORIGIN",
  "of a transport that is closed": "no channel to ORIGIN: the transport is closed",
  "of a transport that is closed meanwhile": "no channel to ORIGIN: the transport is closed",
  "where as many are open as may be": "no channel to ORIGIN: 1 connections are in use already (maxTotalConnections)",
  "that the server declines": "ORIGIN does not take this upgrade: Server sent no subprotocol",
  "whose peer sends too much":
    "channel with ORIGIN: the peer sent a message longer than 1000 bytes (limits.messageBytes)",
  "whose peer sends nonsense":
    "channel with ORIGIN: the peer broke the WebSocket protocol: Invalid WebSocket frame: invalid UTF-8 sequence",
  "that is told to send too much":
    "channel with ORIGIN: the peer has not taken 0 bytes; 8001 more are over 8 times 1000 bytes (limits.sendBufferBytes)",
  "that is destroyed": "channel with ORIGIN: it was destroyed",
  "that is closed, and is to send": "channel with ORIGIN: it is closed, so nothing more can be sent",
};

describe("the error of an open()", () => {
  it.each(opens)("%s says how long after the call it failed", async (_, failing) => {
    const calledAt = performance.now();
    const [{ elapsedMs }] = await refusal(failing);
    expect(elapsedMs).toBeGreaterThan(0);
    expect(elapsedMs).toBeLessThan(performance.now() - calledAt);
  });

  it.each(opens)("%s says what was asked of whom, and which limit applied", async (name, failing) => {
    const [{ message }, origin] = await refusal(failing);
    expect(message.replace(origin, "ORIGIN")).toBe(words[name]);
  });
});

describe("the error of a channel", () => {
  it.each(breaks)("%s says how long after the channel was opened it failed", async (_, breaking) => {
    const [{ elapsedMs }, leastMs] = await broken(breaking);
    expect(elapsedMs).toBeGreaterThanOrEqual(leastMs);
  });

  it.each(breaks)("%s says with whom the channel was, and which limit applied", async (name, breaking) => {
    const [{ message }, , origin] = await broken(breaking);
    expect(message.replace(origin, "ORIGIN")).toBe(words[name]);
  });
});

it("the error of a call of JSON-RPC whose answer is too long names the limit", async () => {
  await using server = await socketServer((socket) => socket.on("message", () => socket.send("x".repeat(1_001))));
  await using transport = websocket({ limits: { messageBytes: 1_000 }, codec: jsonRpc() });
  const { code, delivery, message } = await failure(transport.request({ url: `${server.url}/m`, method: "POST" }));
  expect([code, delivery]).toEqual(["LIMIT_EXCEEDED", "maybe-sent"]);
  expect(message).toBe(
    `exchange with ${server.url}: the peer sent a message longer than 1000 bytes (limits.messageBytes)`,
  );
});
