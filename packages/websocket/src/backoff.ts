import { checkNumber } from "@holdfast/transport";

/** How long to wait before the next connection after one failed: a random time up to a bound that grows with each failure. */
export interface Backoff {
  /** The bound after the first failure, default 100. */
  readonly minMs?: number;
  /** By what the bound grows with each further one, default 1.6. */
  readonly factor?: number;
  /** What it grows to at most, default 30 000. */
  readonly maxMs?: number;
}

/** @throws TypeError that names the option. */
export function parseBackoff(backoff: Backoff = {}): Required<Backoff> {
  checkNumber("reconnect.minMs", backoff.minMs, 0);
  checkNumber("reconnect.factor", backoff.factor, 1);
  checkNumber("reconnect.maxMs", backoff.maxMs, 0);
  return Object.freeze({ minMs: backoff.minMs ?? 100, factor: backoff.factor ?? 1.6, maxMs: backoff.maxMs ?? 30_000 });
}

/** The wait after so many failures in a row; `random` from 0 to 1 (full jitter, so that clients of one server spread out). */
export function backoffMs(failures: number, { minMs, factor, maxMs }: Required<Backoff>, random: number): number {
  return failures === 0 ? 0 : random * Math.min(maxMs, minMs * factor ** (failures - 1));
}
