import type { TransportError } from "@holdfast/transport";
import { type Backoff, backoffMs } from "./backoff.ts";

/** A connection that lived so long has worked: what failed before it is forgotten. */
export const healthyMs = 10_000;
/** Origins that are remembered. */
const maxOrigins = 1_000;

interface Failures {
  readonly count: number;
  readonly error: TransportError | undefined;
}

/** How often connections to each origin failed in a row. */
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

  /** A dial failed, or a connection was lost that had stood for so long. */
  failed(origin: string, stoodMs: number, error?: TransportError): void {
    const before = stoodMs >= healthyMs ? 0 : (this.#origins.get(origin)?.count ?? 0);
    this.#origins.delete(origin);
    this.#origins.set(origin, { count: before + 1, error });
    if (this.#origins.size <= maxOrigins) return;
    const [oldest] = this.#origins.keys();
    this.#origins.delete(oldest as string);
  }

  /** A connection ended in good order after so long. */
  ended(origin: string, stoodMs: number): void {
    if (stoodMs >= healthyMs) this.#origins.delete(origin);
  }
}
