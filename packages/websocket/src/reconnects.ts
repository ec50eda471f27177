import { type Backoff, backoffMs } from "./backoff.ts";

/** A connection that lived so long has worked: what failed before it is forgotten. */
const healthyMs = 10_000;
/** Origins that are remembered. */
const maxOrigins = 1_000;

/** How often connections to each origin failed in a row. */
export class Reconnects {
  readonly #backoff: Required<Backoff>;
  readonly #origins: Map<string, number> = new Map();

  constructor(backoff: Required<Backoff>) {
    this.#backoff = backoff;
  }

  /** How long the next dial shall wait. */
  waitMs(origin: string): number {
    return backoffMs(this.#origins.get(origin) ?? 0, this.#backoff, Math.random());
  }

  /** A dial failed, or a connection was lost that had stood for so long. */
  failed(origin: string, stoodMs: number): void {
    const before = stoodMs >= healthyMs ? 0 : (this.#origins.get(origin) ?? 0);
    this.#origins.delete(origin);
    this.#origins.set(origin, before + 1);
    if (this.#origins.size <= maxOrigins) return;
    const [oldest] = this.#origins.keys();
    this.#origins.delete(oldest as string);
  }

  /** A connection ended in good order after so long. */
  ended(origin: string, stoodMs: number): void {
    if (stoodMs >= healthyMs) this.#origins.delete(origin);
  }
}
