import { type Dialler, dialler, dialOptionNames, type DialOptions } from "@holdfast/dial";
import { type MuxLimits, type MuxOptions, muxOptionNames, type MuxPing } from "@holdfast/exchange";
import {
  checkOptionNames,
  type ParsedPoolOptions,
  parsePoolOptions,
  poolLimitNames,
  poolOptionNames,
  type PoolOptions,
} from "@holdfast/pool";
import { checkFields, checkNumber, type Fields } from "@holdfast/transport";
import type { ClientOptions } from "ws";
import { type Backoff, parseBackoff } from "./backoff.ts";
import type { Codec } from "./codec.ts";

/**
 * The defaults are those of {@link PoolOptions}, with `maxConnections` 4, a second socket being made only when streams run
 * out, and one beyond them only while it takes over from another, and `idleTimeoutMs` 300 000.
 */
export interface WebSocketOptions extends PoolOptions, DialOptions, Omit<MuxOptions, "limits"> {
  readonly limits?: WebSocketLimits;
  /** Where the server takes upgrades for exchanges, default `"/"`. The path of a request is the request's own. */
  readonly path?: string;
  /** Fields of the upgrade for exchanges, as credentials. Those of a channel come with its `open()`. */
  readonly headers?: Fields;
  /** How long to wait before the next socket to an origin after one failed or was lost. */
  readonly reconnect?: Backoff;
  /** What exchanges become on the wire. Default: `holdfast.mux.v1`. */
  readonly codec?: Codec;
  /** Options of `ws`, for what Holdfast does not cover; what Holdfast sets itself wins. Outside our promises. */
  readonly ws?: ClientOptions;
}

export interface WebSocketLimits extends MuxLimits {
  /** Bytes of a response's head and of the answer to an upgrade, default 16 KiB; a longer one fails with `LIMIT_EXCEEDED`. */
  readonly headBytes?: number;
  /** Of one message from the peer, default 1 MiB; a longer one ends the connection with 1009. Sockets of exchanges take 65,543 at least. */
  readonly messageBytes?: number;
  /** What a channel holds of messages that the peer has not taken, default 1 MiB: `send()` waits above it. */
  readonly sendBufferBytes?: number;
}

export interface ParsedWebSocketOptions {
  readonly pool: ParsedPoolOptions;
  readonly dialler: Dialler;
  readonly mux: MuxOptions;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly headBytes: number;
  readonly messageBytes: number;
  readonly sendBufferBytes: number;
  readonly ping: Required<MuxPing>;
  readonly reconnect: Required<Backoff>;
  readonly codec: Codec | undefined;
  readonly ws: ClientOptions;
}

/** Of one message; ws takes more than is sane by default. */
export const maxFragments = 1_024;

const known: readonly string[] = [
  ...new Set([...poolOptionNames, ...dialOptionNames, ...muxOptionNames]),
  "path",
  "headers",
  "reconnect",
  "codec",
  "ws",
];

const knownLimits: readonly string[] = [...poolLimitNames, "headBytes", "messageBytes", "sendBufferBytes"];

// A fragment is not sent.
const pathAndQuery = /^\/[\x21-\x22\x24-\x7e]*$/;

/** @throws TypeError that names the option. */
export function parseWebSocketOptions(options: WebSocketOptions): ParsedWebSocketOptions {
  checkOptionNames("websocket", options, known);
  checkOptionNames("websocket", options.limits ?? {}, knownLimits, "limits");
  checkOptionNames("websocket", options.reconnect ?? {}, ["minMs", "factor", "maxMs"], "reconnect");
  const { limits, path = "/", ping, headers = {}, codec } = options;
  checkNumber("limits.messageBytes", limits?.messageBytes, 1);
  checkNumber("limits.sendBufferBytes", limits?.sendBufferBytes, 1);
  checkNumber("limits.headBytes", limits?.headBytes, 1);
  checkNumber("ping.intervalMs", ping?.intervalMs, 1);
  checkNumber("ping.timeoutMs", ping?.timeoutMs, 1);
  if (typeof path !== "string" || !pathAndQuery.test(path)) throw new TypeError("path is not a path and query");
  if (codec !== undefined && typeof codec.driver !== "function") throw new TypeError("codec is not a codec");
  return Object.freeze({
    pool: parsePoolOptions(options, { maxConnections: 4, idleTimeoutMs: 300_000 }),
    dialler: dialler(options),
    mux: options,
    path,
    headers: upgradeFields(headers),
    headBytes: limits?.headBytes ?? 16_384,
    messageBytes: limits?.messageBytes ?? 2 ** 20,
    sendBufferBytes: limits?.sendBufferBytes ?? 2 ** 20,
    ping: { intervalMs: ping?.intervalMs ?? 20_000, timeoutMs: ping?.timeoutMs ?? 10_000 },
    reconnect: parseBackoff(options.reconnect),
    codec,
    ws: options.ws ?? {},
  });
}

/** Fields as node takes them. @throws TypeError for what must not be sent. */
export function upgradeFields(fields: Fields): Record<string, string | string[]> {
  const flat: string[] = [];
  checkFields(fields, flat);
  const checked: Record<string, string[]> = {};
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string;
    // An upgrade has no body.
    if (name.startsWith("sec-websocket-") || name === "content-length")
      throw new TypeError(`the field ${name} belongs to the transport and cannot be set`);
    (checked[name] ??= []).push(flat[i + 1] as string);
  }
  return Object.fromEntries(
    Object.entries(checked).map(([name, values]) => [name, values.length === 1 ? (values[0] as string) : values]),
  );
}
