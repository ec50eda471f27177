import { type Fixture, http1Origin } from "@holdfast/conformance";
import { authority, certificate, http1Hostile } from "@holdfast/conformance/hostile";
import { runConformance } from "@holdfast/conformance/vitest";
import { http1 } from "../src/index.ts";

const ca = authority();
const local = certificate({ ip: ["127.0.0.1"] }, ca);

for (const [name, secure] of [
  ["http1", {}],
  ["http1 over TLS", { tls: local }],
] as const) {
  runConformance({
    name,
    fixture: async (): Promise<Fixture> => ({
      origin: await http1Origin(secure),
      hostile: http1Hostile(secure),
      traits: { sockets: true },
      createTransport: ({ maxConcurrent, ...options } = {}) =>
        http1({
          ...options,
          tls: { ca: ca.cert },
          ...(maxConcurrent !== undefined && { maxConnections: maxConcurrent }),
        }),
    }),
  });
}
