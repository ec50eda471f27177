import { failure } from "@holdfast/conformance/hostile";
import type { Channel, Transport, TransportError } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { websocket } from "../src/index.ts";
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
  await using server = await socketServer((socket) => socket.on("message", () => socket.send("x".repeat(1_001))));
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

describe("the error of an open()", () => {
  it.each(opens)("%s says how long after the call it failed", async (_, failing) => {
    const calledAt = performance.now();
    const [{ elapsedMs }] = await refusal(failing);
    expect(elapsedMs).toBeGreaterThan(0);
    expect(elapsedMs).toBeLessThan(performance.now() - calledAt);
  });
});

describe("the error of a channel", () => {
  it.each(breaks)("%s says how long after the channel was opened it failed", async (_, breaking) => {
    const [{ elapsedMs }, leastMs] = await broken(breaking);
    expect(elapsedMs).toBeGreaterThanOrEqual(leastMs);
  });
});
