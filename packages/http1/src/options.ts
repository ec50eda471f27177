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
import { Client } from "undici";

/**
 * The defaults are those of {@link PoolOptions}, with `maxConnections` 64, because services fan out, and `idleTimeoutMs`
 * 4 000: a second less than the servers that close soonest.
 */
export interface Http1Options extends PoolOptions, DialOptions {
  readonly limits?: Http1Limits;
  /** Options of undici's `Client`, for what Holdfast does not cover; what Holdfast sets itself wins. Outside our promises. */
  readonly undici?: Client.Options;
}

export interface Http1Limits extends PoolLimits {
  /** Bytes of the names and values of a response head, default 16 KiB; a longer one fails with `LIMIT_EXCEEDED`. */
  readonly headBytes?: number;
}

export interface ParsedHttp1Options {
  readonly pool: ParsedPoolOptions;
  readonly dialler: Dialler;
  readonly client: Client.Options;
}

const known: readonly string[] = [...poolOptionNames, ...dialOptionNames, "undici"];

/** Longer than any of our own limits: undici's own timers shall never be the ones that fire. */
const neverMs = 2 ** 31 - 1;

/** @throws TypeError that names the option. */
export function parseHttp1Options(options: Http1Options): ParsedHttp1Options {
  checkOptionNames("http1", options, known);
  checkOptionNames("http1", options.limits ?? {}, [...poolLimitNames, "headBytes"], "limits");
  checkNumber("limits.headBytes", options.limits?.headBytes, 1);
  const pool = parsePoolOptions(options, { maxConnections: 64, idleTimeoutMs: 4_000 });
  const parsed = {
    pool,
    dialler: dialler(options),
    client: Object.freeze({
      ...options.undici,
      maxHeaderSize: options.limits?.headBytes ?? 16_384,
      allowH2: false,
      // The environment could choose another parser, whose errors have other words.
      useMilo: false,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: neverMs,
      keepAliveMaxTimeout: neverMs,
      // Subtracted from a server's hint, and what is left must be more than nothing or undici closes. The hint is ours to heed.
      keepAliveTimeoutThreshold: -neverMs,
    }),
  };
  if (options.undici !== undefined) checkClient(parsed.client);
  return Object.freeze(parsed);
}

/** undici looks at its options when a `Client` is made, which here is when a connection is open. */
function checkClient(client: Client.Options): void {
  try {
    void new Client("http://localhost", client).destroy();
  } catch (error) {
    throw new TypeError(`undici does not take these options (undici): ${(error as Error).message}`, { cause: error });
  }
}
