import { muxSubprotocol } from "@holdfast/exchange";
import { http1 } from "@holdfast/http1";
import { http2 } from "@holdfast/http2";
import type { Transport } from "@holdfast/transport";
import { websocket } from "@holdfast/websocket";

/** What the user can set of the transports; every entry gets the same. */
export interface TransportSettings {
  /** No exchange has to wait for a connection: there may be as many as run at a time. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  /** Certificates to trust instead of the system's, in PEM. */
  readonly ca: string | undefined;
  /** Do not verify certificates. */
  readonly insecure: boolean;
}

/** A transport to compare. */
export interface Entry {
  /** In JSON; never changes its meaning. */
  readonly name: string;
  /** In tables; at most 20 characters. */
  readonly title: string;
  readonly protocol: string;
  /** Of the URLs that it is for; without it, of all. */
  readonly scheme?: "http:" | "https:";
  /** Not every origin speaks it; where one does not, the comparison goes on without it. */
  readonly optional?: true;
  /** What the origin has to speak over the protocol, where that alone is not enough. */
  readonly subprotocol?: string;
  /** The user brought it: whatever it fails at, the comparison goes on without it, and nothing waits for it for ever. */
  readonly brought?: true;
  create(settings: TransportSettings): Transport;
}

/**
 * The transports to compare; the first is the baseline that the others are held against. This is the only file that names
 * adapters.
 */
export const entries: readonly Entry[] = [
  {
    name: "http1-no-reuse",
    title: "HTTP/1.1 no reuse",
    protocol: "http/1.1",
    create: (settings) => http1({ ...networkOptions(settings), maxExchanges: 1 }),
  },
  {
    name: "http1",
    title: "HTTP/1.1 keep-alive",
    protocol: "http/1.1",
    create: (settings) => http1(networkOptions(settings)),
  },
  {
    name: "h2",
    title: "HTTP/2",
    protocol: "h2",
    scheme: "https:",
    optional: true,
    create: (settings) => http2(networkOptions(settings)),
  },
  {
    name: "h2c",
    title: "HTTP/2 (h2c)",
    protocol: "h2",
    scheme: "http:",
    optional: true,
    create: (settings) => http2(networkOptions(settings)),
  },
  {
    name: "websocket",
    title: "WebSocket",
    protocol: "websocket",
    optional: true,
    subprotocol: muxSubprotocol,
    create: (settings) => websocket(networkOptions(settings)),
  },
];

export function entriesFor(url: string): readonly Entry[] {
  const { protocol } = new URL(url);
  return entries.filter(({ scheme }) => scheme === undefined || scheme === protocol);
}

/** Options that every network adapter understands. */
export interface NetworkOptions {
  readonly maxConnections: number;
  readonly timeouts: { readonly connectMs: number; readonly headMs: number; readonly bodyGapMs: number };
  readonly tls: { readonly ca?: string; readonly rejectUnauthorized: boolean };
}

export function networkOptions({ concurrency, timeoutMs, ca, insecure }: TransportSettings): NetworkOptions {
  return {
    maxConnections: concurrency,
    timeouts: { connectMs: timeoutMs, headMs: timeoutMs, bodyGapMs: timeoutMs },
    tls: { ...(ca !== undefined && { ca }), rejectUnauthorized: !insecure },
  };
}
