import type { ClientSessionOptions } from "node:http2";
import { type Dialler, dialler, dialOptionNames, type DialOptions } from "@holdfast/dial";
import {
  checkOptionNames,
  type ParsedPoolOptions,
  parsePoolOptions,
  poolLimitNames,
  type PoolLimits,
  poolOptionNames,
  type PoolOptions,
} from "@holdfast/pool";
import { checkNumber } from "@holdfast/transport";

/**
 * The defaults are those of {@link PoolOptions}, with `maxConnections` 4, a second session being made only when streams run
 * out, and one beyond them only while it takes over from another, and `idleTimeoutMs` 60 000.
 */
export interface Http2Options extends PoolOptions, DialOptions {
  readonly limits?: Http2Limits;
  /** Exchanges on one session at a time, default 100; the peer's own limit holds as well. */
  readonly maxStreams?: number;
  readonly windows?: Http2Windows;
  readonly ping?: Http2Ping;
  /**
   * Options of `node:http2`'s session, for what Holdfast does not cover. Its bounds, as `maxSessionMemory`, may be set here; of its
   * `settings` those that have options of ours are theirs. What makes a connection is refused: see `tls`, `socketPath` and `proxy`.
   * Outside our promises.
   */
  readonly http2?: Omit<ClientSessionOptions, "createConnection" | "protocol">;
}

export interface Http2Limits extends PoolLimits {
  /** Bytes of a response's header list, or interim one, or trailers, default 16 KiB; longer ones fail with `LIMIT_EXCEEDED`. */
  readonly headBytes?: number;
}

/** How much a peer may send ahead of its reader. Wide windows are what distance needs. */
export interface Http2Windows {
  /** For one stream, 65 535 bytes to 16 MiB, default 1 MiB: what a paused body can hold in memory. */
  readonly streamBytes?: number;
  /** For all streams of a session, 4 MiB, which http2-wrapper announces in any case, to 16 MiB, the default. */
  readonly sessionBytes?: number;
}

/**
 * How a peer that has gone silent is found out: a PING while exchanges are in flight, or when no byte has come since one was given
 * up. Any byte counts as life.
 */
export interface Http2Ping {
  /** Silence after which we ask at the latest, default 20 000; up to a quarter earlier. `Infinity` for never. */
  readonly intervalMs?: number;
  /** Silence after the PING that proves the peer gone, default 10 000: so `intervalMs` and this after its last byte at the latest. */
  readonly timeoutMs?: number;
}

export interface ParsedHttp2Options {
  readonly pool: ParsedPoolOptions;
  readonly dialler: Dialler;
  readonly maxStreams: number;
  readonly headBytes: number;
  /** Of a request's header list, the most that nghttp2 is asked to send. */
  readonly sendHeadBytes: number;
  readonly windows: Required<Http2Windows>;
  readonly ping: Required<Http2Ping>;
  readonly session: ClientSessionOptions;
  /** For sessions that take pushed responses. */
  readonly pushSession: ClientSessionOptions;
}

/** Pushed responses that a peer may have under way on one session, and as many promises ahead of them. */
const maxPushes = 16;

const known: readonly string[] = [...poolOptionNames, ...dialOptionNames, "maxStreams", "windows", "ping", "http2"];

/** Of `node:http2`'s `connect`, not of its session: the session is made on a connection of ours. */
const ofConnections: readonly string[] = [
  ...["createConnection", "socket", "protocol", "host", "port", "path", "lookup", "timeout"],
  ...[
    "servername",
    "session",
    "ALPNProtocols",
    "ca",
    "cert",
    "key",
    "pfx",
    "rejectUnauthorized",
    "checkServerIdentity",
  ],
];

/** @throws TypeError that names the option. */
export function parseHttp2Options(options: Http2Options): ParsedHttp2Options {
  checkOptionNames("http2", options, known);
  checkOptionNames("http2", options.limits ?? {}, [...poolLimitNames, "headBytes"], "limits");
  checkOptionNames("http2", options.windows ?? {}, ["streamBytes", "sessionBytes"], "windows");
  checkOptionNames("http2", options.ping ?? {}, ["intervalMs", "timeoutMs"], "ping");
  const { windows, ping, limits, maxStreams = 100 } = options;
  checkNumber("maxStreams", maxStreams, 1);
  if (maxStreams !== Infinity && !Number.isInteger(maxStreams)) throw new TypeError("maxStreams is not a whole number");
  checkNumber("limits.headBytes", limits?.headBytes, 1);
  checkNumber("ping.intervalMs", ping?.intervalMs, 1);
  checkNumber("ping.timeoutMs", ping?.timeoutMs, 1);
  const streamBytes = checkWindow("windows.streamBytes", windows?.streamBytes ?? 2 ** 20, 65_535);
  const sessionBytes = checkWindow("windows.sessionBytes", windows?.sessionBytes ?? 2 ** 24, 2 ** 22);
  const headBytes = limits?.headBytes ?? 16_384;
  checkSession(options.http2);
  const session: ClientSessionOptions = {
    // Output that waits for a slow peer is bounded by the back-pressure of each body, not by refusing streams.
    maxSessionMemory: 1_024,
    // Node's own limit on the number of fields would be met by small ones long before headBytes, which counts 32 for each.
    maxHeaderListPairs: Math.ceil(headBytes / 32) + 1,
    // Node keeps the origins that a peer names (RFC 8336), though nothing here asks for them, and ends its session for 128. A name is
    // at most a frame long, so these are at most what a session may hold of bodies.
    maxOriginSetSize: 1_024,
    ...options.http2,
    settings: {
      ...options.http2?.settings,
      enablePush: false,
      initialWindowSize: streamBytes,
      maxHeaderListSize: headBytes,
      // SETTINGS_NO_RFC7540_PRIORITIES (RFC 9218, 2.1).
      customSettings: { ...options.http2?.settings?.customSettings, 9: 1 },
    },
  };
  // Node counts the stream that we open ourselves against this limit on the peer's.
  const pushSettings = { ...session.settings, enablePush: true, maxConcurrentStreams: maxPushes + 1 };
  return Object.freeze({
    pool: parsePoolOptions(options, { maxConnections: 4, idleTimeoutMs: 60_000 }),
    dialler: dialler(options),
    maxStreams,
    headBytes,
    sendHeadBytes: options.http2?.maxSendHeaderBlockLength ?? 65_536,
    windows: { streamBytes, sessionBytes },
    ping: { intervalMs: ping?.intervalMs ?? 20_000, timeoutMs: ping?.timeoutMs ?? 10_000 },
    session: Object.freeze(session),
    pushSession: Object.freeze({ ...session, maxReservedRemoteStreams: maxPushes, settings: pushSettings }),
  });
}

function checkSession(options: Http2Options["http2"] = {}): void {
  const wrong = ofConnections.find((name) => (options as Record<string, unknown>)[name] !== undefined);
  if (wrong !== undefined)
    throw new TypeError(`http2.${wrong} is not of the session: tls, socketPath and proxy say how a connection is made`);
  checkNumber("http2.maxSendHeaderBlockLength", options.maxSendHeaderBlockLength, 1);
}

function checkWindow(name: string, bytes: number, least: number): number {
  if (Number.isInteger(bytes) && bytes >= least && bytes <= 2 ** 24) return bytes;
  throw new TypeError(`${name} is not a whole number from ${least} to 16777216`);
}
