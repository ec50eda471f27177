import { inProcessOrigin, type Fixture } from "@holdfast/conformance";
import { runConformance } from "@holdfast/conformance/vitest";
import { answerOver, exchangeOver, pipePair } from "@holdfast/exchange";

runConformance({
  name: "exchange",
  fixture: (): Fixture => {
    const origin = inProcessOrigin();
    return {
      origin,
      traits: { sockets: false },
      createTransport: ({ maxConcurrent, ...options } = {}) =>
        exchangeOver(
          () => {
            const [near, far] = pipePair();
            answerOver(far, origin.handler);
            return near;
          },
          { ...options, ...(maxConcurrent !== undefined && { maxStreams: maxConcurrent, maxConnections: 1 }) },
        ),
    };
  },
});
