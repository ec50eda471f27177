import type { Fixture } from "@holdfast/conformance";
import { runConformance } from "@holdfast/conformance/vitest";
import { websocket } from "@holdfast/websocket";
import { muxOrigin } from "./mux-origin.ts";

runConformance({
  name: "websocket",
  fixture: async (): Promise<Fixture> => {
    const origin = await muxOrigin();
    return {
      origin,
      traits: { sockets: true },
      createTransport: ({ maxConcurrent, ...options } = {}) =>
        websocket({ ...options, ...(maxConcurrent !== undefined && { maxConnections: 1, maxStreams: maxConcurrent }) }),
    };
  },
});
