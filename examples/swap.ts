/** One function, any transport: the protocol is a name that is chosen at run time. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { memory } from "@holdfast/memory";
import { catalog, type Transport } from "@holdfast/transport";

const server = createServer((_, response) => response.end("hello over http/1.1")).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

// An entry is a factory, or a function that loads one: then only what is chosen is loaded.
const transports = catalog({
  memory,
  http1: () => import("@holdfast/http1"),
});

async function greet(transport: Transport): Promise<string> {
  await using response = await transport.request({ url });
  return await response.body.text();
}

await using inProcess = transports.create("memory", () => ({ body: "hello from this process" }));
await using overTcp = await transports.create("http1", { maxConnections: 8 });
console.log(await greet(inProcess));
console.log(await greet(overTcp));
server.close();
