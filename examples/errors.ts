/** What a failed request did to the server: the one thing that decides whether to send it again. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { http1 } from "@holdfast/http1";
import { isTransportError } from "@holdfast/transport";

// Reads the request, then hangs up: it may have charged the card, or not.
const server = createServer((socket) => socket.once("data", () => socket.destroy())).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const { port } = server.address() as AddressInfo;

await using transport = http1();
const urls = [`http://127.0.0.1:${port}/charge`, "http://localhost:1/charge"];
for (const url of urls) {
  try {
    await using response = await transport.request({ url, method: "POST", body: "19.90" });
    console.log(response.status);
  } catch (error) {
    if (!isTransportError(error)) throw error;
    const advice = error.replaySafe ? "send it again" : "ask the server before you send it again";
    console.log(`${error.code} in phase ${error.phase}, delivery ${error.delivery}: ${advice}`);
  }
}
server.close();
