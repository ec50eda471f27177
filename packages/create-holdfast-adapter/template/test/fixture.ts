import type { Fixture } from "@holdfast/conformance";
import { authority, certificate } from "@holdfast/conformance/hostile";
import { jsonl } from "../src/index.ts";
import { jsonlHostile } from "./hostile.ts";
import { jsonlOrigin } from "./origin.ts";

const ca = authority();

/** The adapter and an origin for it: what the kit works with. */
export async function jsonlFixture({ secure }: { readonly secure: boolean }): Promise<Fixture> {
  const options = secure ? { tls: certificate({ ip: ["127.0.0.1"] }, ca) } : {};
  return {
    origin: await jsonlOrigin(options),
    hostile: jsonlHostile(options),
    traits: { sockets: true },
    createTransport: ({ maxConcurrent, ...options } = {}) =>
      jsonl({
        ...options,
        tls: { ca: ca.cert },
        // One exchange to a connection, so these are the same.
        ...(maxConcurrent !== undefined && { maxConnections: maxConcurrent }),
      }),
  };
}

/** Each is tried: by the tests, and by `npm run conformance`. */
export const fixtures: Readonly<Record<string, () => Promise<Fixture>>> = {
  jsonl: () => jsonlFixture({ secure: false }),
  "jsonl over TLS": () => jsonlFixture({ secure: true }),
};
