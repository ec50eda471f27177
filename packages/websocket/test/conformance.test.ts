import { type Fixture, muxOrigin } from "@holdfast/conformance";
import { authority, certificate, muxHostile } from "@holdfast/conformance/hostile";
import { runConformance } from "@holdfast/conformance/vitest";
import { websocket } from "@holdfast/websocket";

const ca = authority();
const local = certificate({ ip: ["127.0.0.1"] }, ca);

for (const [name, secure] of [
  ["websocket", {}],
  ["websocket over TLS", { tls: local }],
] as const) {
  runConformance({
    name,
    fixture: async (): Promise<Fixture> => ({
      origin: await muxOrigin(secure),
      hostile: muxHostile(secure),
      traits: { sockets: true },
      createTransport: ({ maxConcurrent, ...options } = {}) =>
        websocket({
          ...options,
          tls: { ca: ca.cert },
          ...(maxConcurrent !== undefined && { maxConnections: 1, maxStreams: maxConcurrent }),
        }),
    }),
  });
}
