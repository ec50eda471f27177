import { http2Origin, type Fixture } from "@holdfast/conformance";
import { http2Hostile } from "@holdfast/conformance/hostile";
import { runConformance } from "@holdfast/conformance/vitest";
import { http2 } from "@holdfast/http2";

runConformance({
  name: "http2",
  fixture: async (): Promise<Fixture> => {
    const origin = await http2Origin();
    return {
      origin,
      hostile: http2Hostile(),
      traits: { sockets: true },
      createTransport: ({ maxConcurrent, ...options } = {}) =>
        http2({ ...options, ...(maxConcurrent !== undefined && { maxConnections: 1, maxStreams: maxConcurrent }) }),
    };
  },
});
