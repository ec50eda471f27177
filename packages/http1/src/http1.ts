import { pooledTransport } from "@holdfast/pool";
import type { Capabilities, Transport } from "@holdfast/transport";
import { type Http1Options, parseHttp1Options } from "./options.ts";
import { http1Driver } from "./pool.ts";

const capabilities: Capabilities = Object.freeze({
  exchange: true,
  channel: false,
  multiplexed: false,
  duplex: true,
  requestTrailers: false,
  responseTrailers: true,
  informational: true,
  push: false,
});

/**
 * A transport over HTTP/1.1 with kept connections. One exchange at a time on a connection: pipelining stays off, because
 * a server that answers twice would answer the next request with the wrong response.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function http1(options: Http1Options = {}): Transport {
  const parsed = parseHttp1Options(options);
  return pooledTransport(http1Driver(parsed), parsed.pool, {
    vendor: "@holdfast/http1",
    capabilities,
    schemes: ["http:", "https:"],
  });
}
