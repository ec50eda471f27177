import { pooledTransport } from "@holdfast/pool";
import type { Capabilities, Transport } from "@holdfast/transport";
import { type Http2Options, parseHttp2Options } from "./options.ts";
import { http2Driver } from "./sessions.ts";

const capabilities: Capabilities = Object.freeze({
  exchange: true,
  channel: false,
  multiplexed: true,
  duplex: true,
  requestTrailers: true,
  responseTrailers: true,
  informational: true,
  push: true,
});

/**
 * A transport over HTTP/2: many exchanges on one session, more sessions only when streams run out. `https:` by ALPN, `http:`
 * with prior knowledge (RFC 9113, 3.3); it never falls back to another protocol.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function http2(options: Http2Options = {}): Transport {
  const parsed = parseHttp2Options(options);
  return pooledTransport(http2Driver(parsed), parsed.pool, {
    vendor: "@holdfast/http2",
    capabilities,
    schemes: ["http:", "https:"],
  });
}
