import { Pool } from "@holdfast/pool";
import {
  type Capabilities,
  type Target,
  type Transport,
  TransportError,
  type TransportRequest,
} from "@holdfast/transport";
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
  const pool = new Pool(http1Driver(parsed), parsed.pool, admit);
  return {
    "~holdfast": { version: 1, vendor: "@holdfast/http1", protocol: "http/1.1", capabilities },
    protocol: "http/1.1",
    capabilities,
    request: (request) => pool.request(request),
    open: async ({ url }) => {
      throw unsupported("channels need a transport such as websocket", new URL(url).origin);
    },
    warm: (origin, warmOptions) => pool.warm(origin, warmOptions),
    stats: () => pool.stats(),
    close: (closeOptions) => pool.close(closeOptions),
    destroy: (reason) => pool.destroy(reason),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/** What cannot be carried is refused before it is queued. */
function admit({ scheme, origin }: Target, { trailers }: TransportRequest): void {
  if (scheme !== "http:" && scheme !== "https:")
    throw unsupported(`http/1.1 speaks to http: and https: URLs, not to ${scheme}`, origin);
  if (trailers !== undefined) throw unsupported("http/1.1 sends no trailers (capabilities.requestTrailers)", origin);
}

function unsupported(message: string, origin: string): TransportError {
  return new TransportError("UNSUPPORTED", message, {
    delivery: "not-sent",
    phase: "queue",
    protocol: "http/1.1",
    origin,
  });
}
