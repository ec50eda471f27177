import { once } from "node:events";
import type { Writable } from "node:stream";

/** Writes a body no faster than its reader takes it; ends when the reader is gone. The head has left, or leaves with it. */
export async function send(body: AsyncIterable<Uint8Array>, to: Writable): Promise<void> {
  for await (const chunk of body) {
    if (to.destroyed) {
      // The application learns first that the client left, then that its body is no longer wanted.
      if (!to.closed) await once(to, "close");
      return;
    }
    if (!to.write(chunk)) await room(to);
  }
}

/** Name, value, name, value, ... in pairs. */
export function* pairs(raw: readonly string[]): Generator<readonly [string, string]> {
  for (let i = 0; i < raw.length; i += 2) yield [raw[i] as string, raw[i + 1] as string];
}

/** Resolves when there is room to write, or nobody left to write to. */
function room(to: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      to.off("drain", done).off("close", done);
      resolve();
    };
    to.on("drain", done).on("close", done);
    if (to.destroyed) done();
  });
}
