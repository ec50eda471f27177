import { Pool } from "@holdfast/pool";
import { type Capabilities, type Target, type Transport, TransportError } from "@holdfast/transport";
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
  push: false,
});

/**
 * A transport over HTTP/2: many exchanges on one session, more sessions only when streams run out. `https:` by ALPN, `http:`
 * with prior knowledge (RFC 9113, 3.3); it never falls back to another protocol.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function http2(options: Http2Options = {}): Transport {
  const parsed = parseHttp2Options(options);
  const pool = new Pool(http2Driver(parsed), parsed.pool, admit);
  return {
    "~holdfast": { version: 1, vendor: "@holdfast/http2", protocol: "h2", capabilities },
    protocol: "h2",
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
function admit({ scheme, origin }: Target): void {
  if (scheme !== "http:" && scheme !== "https:") {
    throw unsupported(`h2 speaks to http: and https: URLs, not to ${scheme}`, origin);
  }
}

function unsupported(message: string, origin: string): TransportError {
  return new TransportError("UNSUPPORTED", message, { delivery: "not-sent", phase: "queue", protocol: "h2", origin });
}
