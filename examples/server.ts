/** One fetch-style handler over every protocol, and a shutdown that loses nothing: what is in flight is finished first. */
import { http2 } from "@holdfast/http2";
import { serve } from "@holdfast/server";
import { isTransportError } from "@holdfast/transport";

const arrived = Promise.withResolvers<void>();
const server = await serve({
  hostname: "127.0.0.1",
  fetch: async (request) => {
    arrived.resolve();
    // Fires when the client goes away, whatever the protocol.
    request.signal.addEventListener("abort", () => console.log("nobody waits for this any more"));
    const text = await request.text();
    return new Response(text.toUpperCase(), { headers: { "content-type": "text/plain" } });
  },
});

let drained: Promise<void> | undefined;

/** A body that ends only after the server has begun to drain. */
async function* slowly(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("finished ");
  await arrived.promise;
  drained = server.drain();
  yield Buffer.from("while draining");
}

await using transport = http2();
await using response = await transport.request({ url: server.url, method: "POST", body: slowly() });
console.log(response.status, await response.body.text());

await drained;
try {
  await transport.request({ url: server.url });
} catch (error) {
  if (!isTransportError(error)) throw error;
  console.log(`afterwards: ${error.code}, delivery ${error.delivery}`);
}
