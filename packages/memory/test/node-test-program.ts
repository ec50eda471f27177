// Run as a process of its own: node node-test-program.ts [broken] [alone]. Holds the adapter to the suite by node:test.
import { inProcessOrigin, type Fixture } from "@holdfast/conformance";
import { runConformance } from "@holdfast/conformance/node-test";
import { memory } from "@holdfast/memory";
import { wrap } from "@holdfast/transport";

const broken = process.argv.includes("broken");

await runConformance({
  name: "memory",
  fixture: (): Fixture => {
    const origin = inProcessOrigin();
    return {
      origin,
      ...(!process.argv.includes("alone") && { hostile: origin.hostile }),
      traits: { sockets: false },
      createTransport: ({ maxConcurrent, ...options } = {}) => {
        const sound = memory(origin.handler, {
          ...options,
          ...(maxConcurrent !== undefined && { maxStreams: maxConcurrent }),
        });
        return broken ? wrap(sound, { close: () => sound.destroy() }) : sound;
      },
    };
  },
});
