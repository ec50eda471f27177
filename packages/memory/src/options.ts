import { checkNumber, checkTimeouts, type Timeouts } from "@holdfast/transport";

/** Names and meanings are those of every adapter. */
export interface MemoryOptions {
  /** Exchanges in flight, per origin. Default 100. */
  readonly maxStreams?: number;
  /** Exchanges waiting, per origin; 0 fails at once instead. Default 1 000. */
  readonly maxQueued?: number;
  /** Defaults: `queueMs` 10 000, `headMs` 30 000, `bodyGapMs` 30 000. `connectMs` is accepted, but nothing is dialled here. */
  readonly timeouts?: Partial<Timeouts>;
  /**
   * `bodyBytes`: what `bytes()`, `text()` and `json()` collect at most, 10 MiB by default. It does not bound streaming.
   * `maxFields`: of a response head, and of its trailers, each line of a field that has several counting; 128 by default.
   */
  readonly limits?: { readonly bodyBytes?: number; readonly maxFields?: number };
}

/** Parsed once, never changed. */
export interface Settings {
  readonly maxStreams: number;
  readonly maxQueued: number;
  readonly timeouts: Timeouts;
  readonly bodyBytes: number;
  readonly maxFields: number;
}

/** @throws TypeError that names the option. */
export function parseOptions(options: MemoryOptions): Settings {
  const { maxStreams = 100, maxQueued = 1_000, timeouts = {}, limits = {}, ...rest } = options;
  const { bodyBytes = 10 * 1_024 * 1_024, maxFields = 128, ...otherLimits } = limits;
  for (const name of Object.keys(rest)) throw new TypeError(`memory() has no option ${name}`);
  for (const name of Object.keys(otherLimits)) throw new TypeError(`memory() has no option limits.${name}`);
  checkNumber("maxStreams", maxStreams, 1);
  checkNumber("maxQueued", maxQueued, 0);
  checkNumber("limits.bodyBytes", bodyBytes, 0);
  checkNumber("limits.maxFields", maxFields, 0);
  checkTimeouts(timeouts);
  const defaults = { queueMs: 10_000, connectMs: 10_000, headMs: 30_000, bodyGapMs: 30_000 };
  return Object.freeze({ maxStreams, maxQueued, timeouts: withTimeouts(defaults, timeouts), bodyBytes, maxFields });
}

/** Longer than this a timer of Node cannot wait: there is none then, as for `Infinity`. */
export const maxTimerMs: number = 2 ** 31 - 1;

/** `timeouts` where they are given, `defaults` elsewhere. */
export function withTimeouts(defaults: Timeouts, timeouts: Partial<Timeouts> | undefined): Timeouts {
  if (timeouts === undefined) return defaults;
  return {
    queueMs: timeouts.queueMs ?? defaults.queueMs,
    connectMs: timeouts.connectMs ?? defaults.connectMs,
    headMs: timeouts.headMs ?? defaults.headMs,
    bodyGapMs: timeouts.bodyGapMs ?? defaults.bodyGapMs,
  };
}
