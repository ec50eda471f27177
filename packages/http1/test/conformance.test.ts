import { type Fixture, http1Origin } from "@holdfast/conformance";
import { http1Hostile } from "@holdfast/conformance/hostile";
import { runConformance } from "@holdfast/conformance/vitest";
import { http1 } from "../src/index.ts";

runConformance({
  name: "http1",
  fixture: async (): Promise<Fixture> => ({
    origin: await http1Origin(),
    hostile: http1Hostile(),
    traits: { sockets: true },
    createTransport: ({ maxConcurrent, ...options } = {}) =>
      http1({ ...options, ...(maxConcurrent !== undefined && { maxConnections: maxConcurrent }) }),
  }),
});
