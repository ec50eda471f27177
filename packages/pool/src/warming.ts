import type { TransportError } from "@holdfast/transport";

/** What warming needs of the connections of an origin. */
export interface Warmable {
  /** Connections that are open and take exchanges. */
  open(): number;
  dialling(): number;
  /** Dials until so many are open or on the way, as far as the limits allow. True where only the limit over all origins is in the way. */
  dialUpTo(count: number): boolean;
  /** Lets an idle connection of another origin go; false if there is none. */
  makeRoom(): Promise<boolean>;
}

/** The calls of `warm()` at one origin. Owned by the origin's pool. */
export class Warming {
  readonly #origin: Warmable;
  /** Told of each dial that ended. */
  readonly #watchers: Set<(failure: TransportError | undefined) => void> = new Set();
  #calls = 0;

  constructor(origin: Warmable) {
    this.#origin = origin;
  }

  /** Somebody waits. */
  get pending(): boolean {
    return this.#calls > 0;
  }

  /** Resolves when so many are open, or no dial is under way any more: with what the last that failed failed of. */
  async upTo(count: number): Promise<TransportError | undefined> {
    const origin = this.#origin;
    let failure: TransportError | undefined;
    this.#calls++;
    while (origin.dialUpTo(count) && (await origin.makeRoom()));
    while (origin.open() < count && origin.dialling() > 0)
      failure = (await new Promise<TransportError | undefined>((resolve) => this.#watchers.add(resolve))) ?? failure;
    this.#calls--;
    return failure;
  }

  dialEnded(failure?: TransportError): void {
    for (const watcher of this.#watchers) watcher(failure);
    this.#watchers.clear();
  }
}
