import type { TransportError } from "@holdfast/transport";
import { type Backoff, backoffMs } from "./backoff.ts";

/** A connection that lived so long has worked: what failed before it is forgotten. */
export const healthyMs = 10_000;
/** Origins that are remembered. */
const maxOrigins = 1_000;

/** A connection that was lost. */
export interface Loss {
  /** How long it had stood; 0 for a dial that failed. */
  readonly stoodMs: number;
  /** It had answered an exchange: what failed before was forgotten then, and what failed since is about others. */
  readonly answered: boolean;
}

/** How many failures in a row there are after a loss, if there were so many before it. */
export function failuresAfter(before: number, { stoodMs, answered }: Loss): number {
  if (answered) return Math.max(1, before);
  return (stoodMs >= healthyMs ? 0 : before) + 1;
}

interface Failures {
  readonly count: number;
  readonly error: TransportError | undefined;
}

const failedDial: Loss = { stoodMs: 0, answered: false };

/** How often connections to each origin failed in a row, which says how long the next dial waits. */
export class Reconnects {
  readonly #backoff: Required<Backoff>;
  readonly #random: () => number;
  readonly #origins: Map<string, Failures> = new Map();

  /** `random` from 0 to 1. */
  constructor(backoff: Required<Backoff>, random: () => number = Math.random) {
    this.#backoff = backoff;
    this.#random = random;
  }

  /** How long the next dial shall wait. */
  waitMs(origin: string): number {
    return backoffMs(this.#origins.get(origin)?.count ?? 0, this.#backoff, this.#random());
  }

  /** Of the last dial that failed. */
  lastError(origin: string): TransportError | undefined {
    return this.#origins.get(origin)?.error;
  }

  failed(origin: string, error: TransportError | undefined): void {
    this.#count(origin, failedDial, error);
  }

  /** A connection was lost under exchanges, or before it had answered any. */
  lost(origin: string, loss: Loss): void {
    this.#count(origin, loss, undefined);
  }

  /**
   * A connection has answered its first exchange, so dials to this origin lead to something. Later answers say nothing of
   * dials: a peer may serve those that it has and take no more.
   */
  answered(origin: string): void {
    this.#origins.delete(origin);
  }

  /** A connection that had answered nothing ended in good order after so long. */
  ended(origin: string, stoodMs: number): void {
    if (stoodMs >= healthyMs) this.#origins.delete(origin);
  }

  #count(origin: string, loss: Loss, error: TransportError | undefined): void {
    const before = this.#origins.get(origin)?.count ?? 0;
    this.#origins.delete(origin);
    this.#origins.set(origin, { count: failuresAfter(before, loss), error });
    if (this.#origins.size <= maxOrigins) return;
    const [oldest] = this.#origins.keys();
    this.#origins.delete(oldest as string);
  }
}
