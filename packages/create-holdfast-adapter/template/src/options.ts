import { type Dialler, dialler, dialOptionNames, type DialOptions } from "@holdfast/dial";
import {
  checkOptionNames,
  type ParsedPoolOptions,
  parsePoolOptions,
  type PoolLimits,
  poolOptionNames,
  type PoolOptions,
} from "@holdfast/pool";
import { checkNumber } from "@holdfast/transport";

/** Those that all network adapters share. Here `maxConnections` is 16 by default, `idleTimeoutMs` 30 000. */
export interface JsonlOptions extends PoolOptions, DialOptions {
  readonly limits?: JsonlLimits;
}

export interface JsonlLimits extends PoolLimits {
  /** Bytes of one line of the peer, default 128 KiB; a longer one fails with `LIMIT_EXCEEDED`. */
  readonly lineBytes?: number;
}

/** Parsed once, never changed. */
export interface ParsedJsonlOptions {
  readonly pool: ParsedPoolOptions;
  readonly dialler: Dialler;
  readonly lineBytes: number;
}

/** @throws TypeError that names the option. */
export function parseJsonlOptions(options: JsonlOptions): ParsedJsonlOptions {
  checkOptionNames("jsonl", options, [...poolOptionNames, ...dialOptionNames]);
  checkNumber("limits.lineBytes", options.limits?.lineBytes, 1);
  return Object.freeze({
    pool: parsePoolOptions(options, { maxConnections: 16, idleTimeoutMs: 30_000 }),
    dialler: dialler(options),
    lineBytes: options.limits?.lineBytes ?? 131_072,
  });
}
