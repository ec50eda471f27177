import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

/**
 * Whether srvx, done with a response, has neither ended nor destroyed it: its body broke with a reason that is undefined, null
 * or such. The end of a body whose last chunk waits for the client is waited for.
 */
export async function isLeftOpen(response: ServerResponse | Http2ServerResponse): Promise<boolean> {
  const stream = "stream" in response ? response.stream : response;
  const isOpen = (): boolean => !response.writableEnded && !stream.destroyed;
  if (!isOpen()) return false;
  if (stream.writableNeedDrain) {
    await new Promise<void>((resolve) => void stream.once("drain", resolve).once("close", resolve));
  }
  // Until srvx has done what it does when it is drained.
  await new Promise((resolve) => setImmediate(resolve));
  return isOpen();
}
