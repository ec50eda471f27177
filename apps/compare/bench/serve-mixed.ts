import { type Server, serve } from "@holdfast/server";
import type { MixedHandler } from "./mixed-handler.ts";

/**
 * Serves the handler of the mix, on one port, over every protocol. Its clients are ours, and give up more than strangers
 * may; node counts a stream that was reset until its object is gone, so there is room for those beside the hundred that a
 * client has open.
 */
export function serveMixed({ fetch, onError }: MixedHandler): Promise<Server> {
  return serve({
    hostname: "127.0.0.1",
    fetch,
    onError,
    limits: { maxResets: 1_000_000, maxStreams: 256 },
  });
}
