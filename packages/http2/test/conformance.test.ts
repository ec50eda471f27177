import { type Fixture, http2Origin } from "@holdfast/conformance";
import { authority, certificate, http2Hostile } from "@holdfast/conformance/hostile";
import { runConformance } from "@holdfast/conformance/vitest";
import { http2 } from "@holdfast/http2";

const ca = authority();
const local = certificate({ ip: ["127.0.0.1"] }, ca);

for (const [name, secure] of [
  ["http2", {}],
  ["http2 over TLS", { tls: local }],
] as const) {
  runConformance({
    name,
    fixture: async (): Promise<Fixture> => ({
      origin: await http2Origin(secure),
      hostile: http2Hostile(secure),
      traits: { sockets: true },
      createTransport: ({ maxConcurrent, ...options } = {}) =>
        http2({
          ...options,
          tls: { ca: ca.cert },
          ...(maxConcurrent !== undefined && { maxConnections: 1, maxStreams: maxConcurrent }),
        }),
    }),
  });
}
