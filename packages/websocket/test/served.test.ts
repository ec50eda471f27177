import { serve } from "@holdfast/server";
import { expect, it } from "vitest";
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
