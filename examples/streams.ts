/** Bodies flow both ways at the speed of the slower side; nothing is collected in between. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { http1 } from "@holdfast/http1";

const server = createServer((request, response) => request.pipe(response)).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

async function* measurements(): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < 64; i++) yield new Uint8Array(16_384).fill(i);
}

await using transport = http1();
// A function gives the body anew for each attempt, so the request could be sent again; a bare generator could not.
await using response = await transport.request({ url, method: "POST", body: measurements });
let bytes = 0;
for await (const chunk of response.body) bytes += chunk.byteLength;
console.log(`${bytes} bytes went there and came back`);
server.close();
