/** Messages both ways on one WebSocket: each side sends when it likes, and waits when the other is behind. */
import { serve } from "@holdfast/server";
import { websocket } from "@holdfast/websocket";

const server = await serve({
  hostname: "127.0.0.1",
  fetch: () => new Response("this is a WebSocket service"),
  subprotocols: ["countdown.v1"],
  channel: async (channel) => {
    for await (const message of channel) {
      for (let left = Number(message); left > 0; left--) await channel.send(`${left}`);
      await channel.send("lift-off");
    }
  },
});

await using transport = websocket();
await using channel = await transport.open({ url: server.url, subprotocols: ["countdown.v1"] });
await channel.send("3");
for await (const message of channel) {
  console.log(`${channel.subprotocol}: ${String(message)}`);
  if (message === "lift-off") break;
}
await channel.close();
const { code, clean } = await channel.closed;
console.log(`closed with ${code}, ${clean ? "by both sides" : "broken off"}`);
await server.close();
