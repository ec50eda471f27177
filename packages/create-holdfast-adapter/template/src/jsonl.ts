import { pooledTransport } from "@holdfast/pool";
import type { Capabilities, Transport } from "@holdfast/transport";
import { type JsonlOptions, parseJsonlOptions } from "./options.ts";
import { jsonlDriver } from "./pool.ts";

/** Each is a promise, also where it is false: the kit tests both. */
const capabilities: Capabilities = Object.freeze({
  exchange: true,
  channel: false,
  multiplexed: false,
  duplex: true,
  requestTrailers: true,
  responseTrailers: true,
  informational: true,
  push: false,
});

/**
 * A transport that speaks JSON lines over TCP, or over TLS for `https:` URLs. One exchange at a time on a connection.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function jsonl(options: JsonlOptions = {}): Transport {
  const parsed = parseJsonlOptions(options);
  return pooledTransport(jsonlDriver(parsed), parsed.pool, {
    vendor: "holdfast-adapter-jsonl",
    capabilities,
    schemes: ["http:", "https:"],
  });
}
