import { inProcessOrigin, type Fixture } from "@holdfast/conformance";
import { muxPipeHostile } from "@holdfast/conformance/hostile";
import { runConformance } from "@holdfast/conformance/vitest";
import { answerOver, exchangeOver, pipePair } from "@holdfast/exchange";

runConformance({
  name: "exchange",
  fixture: (): Fixture => {
    const origin = inProcessOrigin();
    const hostile = muxPipeHostile();
    return {
      origin,
      hostile,
      traits: { sockets: false },
      createTransport: ({ maxConcurrent, ...options } = {}) =>
        exchangeOver(
          ({ origin: url }) => {
            const [near, far] = pipePair();
            if (hostile.has(url)) hostile.accept(url, far);
            else answerOver(far, origin.handler);
            return near;
          },
          { ...options, ...(maxConcurrent !== undefined && { maxStreams: maxConcurrent, maxConnections: 1 }) },
        ),
    };
  },
});
