import { checkNumber, checkTimeouts, type Timeouts } from "@holdfast/transport";

/** The options that adapters share, with the same names and meaning. */
export interface PoolOptions {
  /**
   * Connections to one origin, dialling and open. Where exchanges share them, one more while it takes over from another, and
   * those that drain.
   */
  readonly maxConnections?: number;
  /** Connections to all origins, default 1 000. When it is reached, the longest idle one makes room. */
  readonly maxTotalConnections?: number;
  /** Exchanges that wait at one origin for a lease, default 1 000; 0 = fail fast. One more fails with `QUEUE_FULL`. */
  readonly maxQueued?: number;
  readonly timeouts?: Partial<Timeouts>;
  /** How long a connection may sit idle. A server that says less in `Keep-Alive` is heeded. */
  readonly idleTimeoutMs?: number;
  /** When a connection is replaced, default 300 000, up to a fifth earlier at random: so changes of DNS are followed. */
  readonly maxAgeMs?: number;
  /** Exchanges on one connection, default 10 000. */
  readonly maxExchanges?: number;
  /** Connections that an origin keeps open once it was used, default 0. */
  readonly minConnections?: number;
  readonly limits?: PoolLimits;
}

export interface PoolLimits {
  /** What `bytes()`, `text()` and `json()` collect unless they are told, default 10 MiB. Streaming has no limit. */
  readonly bodyBytes?: number;
  /** Fields of a response head, and of its trailers, each line of one that has several counting, default 128. More: `LIMIT_EXCEEDED`. */
  readonly maxFields?: number;
}

export interface ParsedPoolOptions {
  readonly maxConnections: number;
  readonly maxTotalConnections: number;
  readonly maxQueued: number;
  readonly timeouts: Timeouts;
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  readonly maxExchanges: number;
  readonly minConnections: number;
  readonly maxBodyBytes: number;
  readonly maxFields: number;
}

export const poolOptionNames: readonly (keyof PoolOptions)[] = [
  "maxConnections",
  "maxTotalConnections",
  "maxQueued",
  "timeouts",
  "idleTimeoutMs",
  "maxAgeMs",
  "maxExchanges",
  "minConnections",
  "limits",
];

export const poolLimitNames: readonly (keyof PoolLimits)[] = ["bodyBytes", "maxFields"];

/**
 * @param group Where the options stand, if not at the top: `"limits"`.
 * @throws TypeError for an option that the adapter does not have; it lists those that it has.
 */
export function checkOptionNames(adapter: string, options: object, known: readonly string[], group?: string): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(group === undefined ? `${adapter} takes an object of options` : `${group} is not an object`);
  }
  const prefix = group === undefined ? "" : `${group}.`;
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      const list = known.map((one) => prefix + one).join(", ");
      throw new TypeError(`${adapter} has no option ${JSON.stringify(prefix + name)}; it has ${list}`);
    }
  }
}

/** @throws TypeError that names the option. */
export function parsePoolOptions(
  options: PoolOptions,
  defaults: { readonly maxConnections: number; readonly idleTimeoutMs: number },
): ParsedPoolOptions {
  checkCount("maxConnections", options.maxConnections, 1);
  checkCount("maxTotalConnections", options.maxTotalConnections, 1);
  checkCount("maxQueued", options.maxQueued, 0);
  checkCount("maxExchanges", options.maxExchanges, 1);
  checkCount("minConnections", options.minConnections, 0);
  checkNumber("idleTimeoutMs", options.idleTimeoutMs, 0);
  checkNumber("maxAgeMs", options.maxAgeMs, 0);
  checkTimeouts(options.timeouts ?? {});
  checkNumber("limits.bodyBytes", options.limits?.bodyBytes, 0);
  checkCount("limits.maxFields", options.limits?.maxFields, 0);
  return Object.freeze({
    maxConnections: options.maxConnections ?? defaults.maxConnections,
    maxTotalConnections: options.maxTotalConnections ?? 1_000,
    maxQueued: options.maxQueued ?? 1_000,
    timeouts: Object.freeze({
      queueMs: 10_000,
      connectMs: 10_000,
      headMs: 30_000,
      bodyGapMs: 30_000,
      ...defined(options.timeouts),
    }),
    idleTimeoutMs: options.idleTimeoutMs ?? defaults.idleTimeoutMs,
    maxAgeMs: options.maxAgeMs ?? 300_000,
    maxExchanges: options.maxExchanges ?? 10_000,
    minConnections: options.minConnections ?? 0,
    maxBodyBytes: options.limits?.bodyBytes ?? 10 * 1024 * 1024,
    maxFields: options.limits?.maxFields ?? 128,
  });
}

/** Timeouts of one exchange: its own where it has some. */
export function timeoutsFor(own: Partial<Timeouts> | undefined, defaults: Timeouts): Timeouts {
  return own === undefined ? defaults : { ...defaults, ...defined(own) };
}

function checkCount(name: string, value: unknown, least: number): void {
  checkNumber(name, value, least);
  if (value !== undefined && value !== Infinity && !Number.isInteger(value))
    throw new TypeError(`${name} is not a whole number`);
}

function defined(timeouts: Partial<Timeouts> | undefined): Partial<Timeouts> {
  return Object.fromEntries(Object.entries(timeouts ?? {}).filter(([, value]) => value !== undefined));
}
