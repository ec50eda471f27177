/** Where the time of a request went, in curl's terms, and what a kept connection saves. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { http1 } from "@holdfast/http1";

const server = createServer((_, response) => response.end("ok")).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const url = `http://localhost:${(server.address() as AddressInfo).port}/`;

await using transport = http1({ timeouts: { connectMs: 2_000 } });
for (let i = 0; i < 3; i++) {
  await using response = await transport.request({ url });
  await response.body.bytes();
  const { id, reused } = response.connection;
  const { resolved, connected, firstByte, end } = response.timings;
  const show = (ms: number | undefined): string => (ms === undefined ? "-" : `${ms.toFixed(2)} ms`);
  console.log(
    `${id} ${reused ? "kept" : "new "} name ${show(resolved)}  tcp ${show(connected)}  head ${show(firstByte)}  end ${show(end)}`,
  );
}
server.close();
