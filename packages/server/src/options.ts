import type { TlsOptions } from "node:tls";
import { checkNames, limitsOf, numbers } from "./check-options.ts";
import { type ErrorHandler, type FetchHandler, warnOfFailure } from "./fetch-handler.ts";
import {
  type ChannelLimits,
  defaultChannelLimits,
  parseUpgradeOptions,
  type UpgradeOptions,
  upgradeOptionNames,
  type UpgradeSettings,
} from "./upgrade-options.ts";

/** Wire languages that one port can speak. On a port without TLS, `h2` means prior knowledge (RFC 9113, 3.3). */
export type ServeProtocol = "http/1.1" | "h2" | "websocket";

export interface ServeOptions extends UpgradeOptions {
  /** Serves every request, whatever carried it. */
  readonly fetch: FetchHandler;
  /** Default 0: any free port, which `server.port` tells. */
  readonly port?: number;
  /** Address or name to listen on. Default: all interfaces. */
  readonly hostname?: string;
  /** Serves TLS with these options of `node:tls`; `key` and `cert` at least. `minVersion` is TLSv1.2 unless given. */
  readonly tls?: TlsOptions;
  /** Default: all three. What is left out is refused, by ALPN where there is TLS. */
  readonly protocols?: readonly ServeProtocol[];
  readonly timeouts?: ServeTimeouts;
  readonly limits?: ServeLimits;
  /** Default: a process warning with the code `HOLDFAST_HANDLER_FAILED`. */
  readonly onError?: ErrorHandler;
}

/** Milliseconds; `Infinity` takes one off. HTTP/1.1 timeouts are looked at every quarter of the shortest, at most every 5 s. */
export interface ServeTimeouts {
  /** TLS handshake, and on a plain port the first bytes, which tell the protocol. Default 10 000. */
  readonly handshakeMs?: number;
  /** From the start of a request on HTTP/1.1 to the end of its head. Default 10 000, then 408. */
  readonly headMs?: number;
  /** From the start of a request to the end of its body. Default 300 000, as node's; raise it for long uploads and for duplex. */
  readonly requestMs?: number;
  /** The longest silence while a body is owed by the client, or an answer not taken by it. Default 30 000. A handler that does not read is not held against it. */
  readonly bodyGapMs?: number;
  /** HTTP/1.1: how long a connection may rest between requests, told to clients as `Keep-Alive: timeout`. Default 5 000. */
  readonly keepAliveMs?: number;
  /** HTTP/2: how long a session may rest without a stream; then GOAWAY. Default 60 000. */
  readonly idleMs?: number;
}

export interface ServeLimits extends ChannelLimits {
  /** Of a request's head; more is answered 431 on HTTP/1.1, a reset stream on HTTP/2. Default 16 KiB. */
  readonly headBytes?: number;
  /** Fields of a request's head; more is answered 431. Default 128. */
  readonly maxFields?: number;
  /** Of a request's body; more is answered 413, however the handler reads it. Default 10 MiB; `Infinity` for handlers that stream. */
  readonly bodyBytes?: number;
  /** Open at a time, all protocols; more are closed at once. Default 10 000. */
  readonly maxConnections?: number;
  /** Requests of one HTTP/2 session, or one WebSocket, at a time, handlers of streams that are gone included. HTTP/1.1 has one at a time, and is not read while so many wait. Default 100. */
  readonly maxStreams?: number;
  /** Requests of one HTTP/2 session, or one WebSocket, that its client may reset before they are answered: this many at once, a fifth of it each second. Then the session ends (CVE-2023-44487); the WebSocket takes no more, and finishes those it has. Default 100. */
  readonly maxResets?: number;
}

/** Parsed once, never changed. */
export interface ServeSettings {
  readonly fetch: FetchHandler;
  readonly port: number;
  readonly hostname: string | undefined;
  readonly tls: TlsOptions | undefined;
  readonly protocols: ReadonlySet<ServeProtocol>;
  readonly timeouts: Required<ServeTimeouts>;
  readonly limits: Required<ServeLimits>;
  readonly onError: ErrorHandler;
  readonly upgrade: UpgradeSettings;
}

const allProtocols: readonly ServeProtocol[] = ["http/1.1", "h2", "websocket"];
const known: readonly string[] = [
  "fetch",
  "port",
  "hostname",
  "tls",
  "protocols",
  "timeouts",
  "limits",
  "onError",
  ...upgradeOptionNames,
];

const defaultTimeouts: Required<ServeTimeouts> = {
  handshakeMs: 10_000,
  headMs: 10_000,
  requestMs: 300_000,
  bodyGapMs: 30_000,
  keepAliveMs: 5_000,
  idleMs: 60_000,
};

const defaultLimits: Required<ServeLimits> = {
  headBytes: 16_384,
  maxFields: 128,
  bodyBytes: 10 * 2 ** 20,
  maxConnections: 10_000,
  maxStreams: 100,
  maxResets: 100,
  ...defaultChannelLimits,
};

/** @throws TypeError that names the option. */
export function parseServeOptions(options: ServeOptions): ServeSettings {
  if (typeof options !== "object" || options === null)
    throw new TypeError("serve() takes an object with a fetch handler");
  checkNames("serve", options, known);
  const { fetch, port = 0, hostname, tls, protocols = allProtocols, onError = warnOfFailure } = options;
  if (typeof fetch !== "function") throw new TypeError("fetch is not a function");
  if (typeof onError !== "function") throw new TypeError("onError is not a function");
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new TypeError("port is not a number from 0 to 65535");
  const timeouts = numbers<ServeTimeouts>("timeouts", defaultTimeouts, options.timeouts);
  const limits = limitsOf<ServeLimits>(defaultLimits, options.limits, ["bodyBytes"]);
  return Object.freeze({
    fetch,
    port,
    hostname,
    tls,
    protocols: parseProtocols(protocols),
    timeouts,
    limits,
    onError,
    upgrade: parseUpgradeOptions(options, limits),
  });
}

function parseProtocols(protocols: readonly ServeProtocol[]): ReadonlySet<ServeProtocol> {
  const set = new Set(protocols);
  for (const name of set) {
    if (!allProtocols.includes(name))
      throw new TypeError(`protocols: ${name} is unknown; there are ${allProtocols.join(", ")}`);
  }
  if (set.size === 0) throw new TypeError("protocols is empty");
  return set;
}
