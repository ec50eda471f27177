import type { CloseOptions } from "@holdfast/transport";
import { parseServeOptions, type ServeOptions } from "./options.ts";
import { Port } from "./port.ts";

/** A port that is served, until it is drained, closed or destroyed. */
export interface Server extends AsyncDisposable {
  /** Without a slash at its end: `http://localhost:8080`. */
  readonly url: string;
  readonly port: number;
  /**
   * Stops listening, sends GOAWAY and `Connection: close`, closes channels with 1001, lets what is in flight finish until
   * `deadlineMs` (default 10 000), then destroys what is left. Resolves when no connection is open. Calling it twice is
   * fine; each call's deadline holds.
   */
  drain(options?: CloseOptions): Promise<void>;
  /** What `drain` does, by the name that transports have for it. */
  close(options?: CloseOptions): Promise<void>;
  /** Ends now: requests in flight are cut, their signals fire. */
  destroy(): Promise<void>;
}

/**
 * Serves one handler on one port: HTTP/1.1, HTTP/2 by ALPN or with prior knowledge, and WebSocket channels. Resolves when
 * the port is open.
 *
 * @throws TypeError for an option that is wrong; the system's error if the port cannot be had.
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const settings = parseServeOptions(options);
  const port = new Port(settings);
  await port.listen();
  const url = `${settings.tls === undefined ? "http" : "https"}://${hostIn(settings.hostname)}:${port.number}`;
  return {
    url,
    port: port.number,
    drain: (how) => port.drain(how),
    close: (how) => port.drain(how),
    destroy: () => port.destroy(),
    [Symbol.asyncDispose]: () => port.drain({}),
  };
}

/** How a client on this machine names the host. */
function hostIn(hostname: string | undefined): string {
  if (hostname === undefined || hostname === "" || hostname === "0.0.0.0" || hostname === "::") return "localhost";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
