import { inProcessOrigin, type Fixture } from "@holdfast/conformance";
import { runConformance } from "@holdfast/conformance/vitest";
import { memory } from "@holdfast/memory";

runConformance({
  name: "memory",
  fixture: (): Fixture => {
    const origin = inProcessOrigin();
    return {
      origin,
      hostile: origin.hostile,
      traits: { sockets: false },
      createTransport: ({ maxConcurrent, ...options } = {}) =>
        memory(origin.handler, { ...options, ...(maxConcurrent !== undefined && { maxStreams: maxConcurrent }) }),
    };
  },
});
