/** What ends a connection that works. */
export interface LifetimeLimits {
  readonly idleTimeoutMs: number;
  readonly maxAgeMs: number;
  /** Exchanges on one connection. */
  readonly maxExchanges: number;
}

/** What a server says of its own limits in `Keep-Alive` (RFC 2068, 19.7.1.1). */
export interface KeepAliveHint {
  /** It closes the connection after this long idle. */
  readonly timeoutMs?: number;
  /** It takes this many more exchanges. */
  readonly max?: number;
}

/**
 * How long a connection may sit idle: ours, or less if the server said less. We must be the first to close, because a
 * request that meets a close on the wire fails; so the server's time is cut by a second, or by half if it is shorter
 * than two.
 */
export function idleLimitMs(ownMs: number, hint: KeepAliveHint | undefined): number {
  if (hint?.timeoutMs === undefined) return ownMs;
  return Math.min(ownMs, Math.max(hint.timeoutMs - 1_000, hint.timeoutMs / 2));
}

/** An age up to a fifth earlier than the limit, so connections made together do not end together. `random` is in [0, 1). */
export function jitteredAgeMs(maxAgeMs: number, random: number): number {
  return maxAgeMs * (1 - 0.2 * random);
}

/** Whether the next exchange is to be expected soon: those that come one after the other leave gaps. */
export function inUse(inFlight: number, served: number, idleMs: number): boolean {
  return inFlight > 0 || (served > 0 && idleMs < 1_000);
}

/** How long a connection of full age goes on where another is being replaced, until it is looked at again. */
export const replaceAgainMs = 1_000;

/** How many exchanges a connection may still take. */
export function exchangesLeft(
  served: number,
  maxExchanges: number,
  hint: KeepAliveHint | undefined,
  servedAtHint: number,
): number {
  const own = maxExchanges - served;
  return hint?.max === undefined ? own : Math.min(own, hint.max - (served - servedAtHint));
}

/**
 * After how many exchanges a connection that is shared is replaced: a tenth before its limit, so that nobody waits for the
 * dial. 0 where the limit is too low for that.
 */
export function nearlyAll(maxExchanges: number): number {
  return maxExchanges < 10 ? 0 : maxExchanges - Math.floor(maxExchanges / 10);
}

/** Wait before another dial while other connections still serve: full jitter under a doubling bound. */
export function dialHoldMs(failures: number, random: number): number {
  return random * Math.min(5_000, 100 * 2 ** Math.min(failures, 10));
}
