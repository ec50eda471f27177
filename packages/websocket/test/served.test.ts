import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { failure, getText } from "@holdfast/conformance/hostile";
import { attach, serve } from "@holdfast/server";
import type { Channel } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { websocket } from "../src/index.ts";
import { subscribe } from "../src/subscription.ts";
import { allOf } from "./raw-socket.ts";

it("one transport has exchanges, channels and subscriptions with one port of a server", async () => {
  const server = await serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => new Response(`${request.method} ${await request.text()}`),
    subprotocols: ["feed"],
    channel: async (channel, { url }) => {
      if (channel.subprotocol === "feed") {
        const after = Number(new URL(url).searchParams.get("after"));
        for (let id = after + 1; id <= after + 5; id++) await channel.send(String(id));
        await channel.close(after < 20 ? 1_012 : 1_000);
        return;
      }
      for await (const message of channel) await channel.send(message);
    },
  });
  const transport = websocket();
  try {
    const { url } = server;
    const { status, body, connection } = await transport.request({ url, method: "POST", body: "hello" });
    expect([status, await body.text(), connection.protocol]).toEqual([200, "POST hello", "websocket"]);

    const channel = await transport.open({ url });
    await channel.send("echo");
    expect(await channel[Symbol.asyncIterator]().next()).toEqual({ done: false, value: "echo" });
    await channel.close();

    const messages = subscribe(transport, {
      open: (after = "0") => ({ url: new URL(`/?after=${after}`, url), subprotocols: ["feed"] }),
      idOf: String,
      reconnect: { minMs: 0 },
    });
    expect(await allOf(messages)).toEqual(Array.from({ length: 25 }, (_, i) => String(i + 1)));
  } finally {
    await transport.close();
    await server.close();
  }
});

it("a channel takes what it is given, so both ends may use one buffer for all that they send", async () => {
  const count = 200;
  const sendAll = async (channel: Channel): Promise<void> => {
    const bytes = Buffer.alloc(100_000);
    for (let i = 0; i < count; i++) {
      bytes.fill(i);
      await channel.send(bytes);
    }
  };
  const readAll = async (channel: Channel): Promise<number[]> => {
    const seen: number[] = [];
    for await (const message of channel) {
      const bytes = message as Buffer;
      // One that has changed on its way is not of one byte.
      seen.push(bytes.equals(Buffer.alloc(bytes.byteLength, bytes[0])) ? (bytes[0] as number) : -1);
      if (seen.length === count) break;
      await turn();
    }
    return seen;
  };
  const expected = Array.from({ length: count }, (_, i) => i);
  const { promise: atServer, resolve: read } = Promise.withResolvers<number[]>();
  const server = await serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: () => new Response(),
    channel: async (channel) => {
      await sendAll(channel);
      read(await readAll(channel));
    },
  });
  const transport = websocket();
  try {
    const channel = await transport.open({ url: server.url });
    expect(await readAll(channel)).toEqual(expected);
    await sendAll(channel);
    expect(await atServer).toEqual(expected);
    await channel.close();
  } finally {
    await transport.close();
    await server.close();
  }
});

describe("limits.maxResets of a server", () => {
  const cancels = 8;

  /** Cancels so many exchanges, each while its handler runs, between others; gives the sockets that it took. */
  async function socketsOf(url: string, arrivals: Arrivals): Promise<number> {
    await using transport = websocket();
    for (let i = 0; i < cancels; i++) {
      const controller = new AbortController();
      const arrived = arrivals.next();
      const cancelled = failure(transport.request({ url: `${url}/cancelled`, signal: controller.signal }));
      await arrived;
      controller.abort();
      expect(await cancelled).toMatchObject({ code: "ABORTED" });
      expect(await getText(transport, url)).toBe("ok");
    }
    return transport.stats().totals.connectionsOpened;
  }

  class Arrivals {
    #tell = (): void => {};

    next(): Promise<void> {
      return new Promise((resolve) => (this.#tell = resolve));
    }

    readonly handler = ({ url, signal }: Request): Response | Promise<Response> => {
      if (!url.endsWith("/cancelled")) return new Response("ok");
      this.#tell();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    };
  }

  it.each([
    ["two", 2, true],
    ["all", cancels, false],
  ])("lets a client cancel %s on one socket, and go on with another, losing nothing", async (_, maxResets, more) => {
    const arrivals = new Arrivals();
    await using server = await serve({ hostname: "127.0.0.1", fetch: arrivals.handler, limits: { maxResets } });
    expect((await socketsOf(server.url, arrivals)) > 1).toBe(more);
  });

  it("holds for attach() as well", async () => {
    const arrivals = new Arrivals();
    const http = createServer().listen(0, "127.0.0.1");
    await once(http, "listening");
    const attached = attach(http, arrivals.handler, { limits: { maxResets: 2 } });
    const { port } = http.address() as AddressInfo;
    expect(await socketsOf(`http://127.0.0.1:${port}`, arrivals)).toBeGreaterThanOrEqual(2);
    await attached.close();
    http.close();
  });
});
