/** One function, one server on one port, three protocols: which one is a name that is chosen at run time. */
import { serve } from "@holdfast/server";
import { catalog, type Transport } from "@holdfast/transport";

const server = await serve({ hostname: "127.0.0.1", fetch: () => new Response("hello") });

async function greet(transport: Transport): Promise<string> {
  await using response = await transport.request({ url: server.url });
  return `${await response.body.text()} over ${response.connection.protocol}`;
}

// An entry is a factory, or a function that loads one: then only what is chosen is loaded.
const transports = catalog({
  http1: () => import("@holdfast/http1"),
  http2: () => import("@holdfast/http2"),
  websocket: () => import("@holdfast/websocket"),
});

for (const name of transports.names) {
  await using transport = await transports.create(name);
  console.log(await greet(transport));
}
await server.close();
