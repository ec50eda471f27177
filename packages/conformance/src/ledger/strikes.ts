import type { FaultProxy } from "../hostile/fault-proxy.ts";
import { seededRandom } from "../hostile/random.ts";
import type { LedgerFault } from "./ledger-origin.ts";
import type { ServerSide } from "./server-side.ts";

/** How often each is chosen among those that there are: what costs a run its time is rare. */
const weights: Readonly<Record<LedgerFault, number>> = {
  kill: 1,
  restart: 1,
  reset: 3,
  end: 3,
  cut: 4,
  "black-hole": 1,
  deaf: 1,
  trickle: 2,
  goodbye: 3,
  "idle-close": 4,
  refuse: 3,
  break: 3,
};

const ofProxy: readonly LedgerFault[] = ["reset", "end", "cut", "black-hole", "deaf", "trickle"];

/** What is struck. */
export interface StruckSide {
  readonly server: ServerSide;
  /** None where there is no socket. */
  readonly proxy: FaultProxy | undefined;
}

/** Chooses and makes the faults of a run, by its seed. */
export class Strikes {
  /** How many of each kind there were. */
  readonly counts: Map<LedgerFault, number> = new Map();
  readonly #side: StruckSide;
  readonly #random: () => number;
  readonly #choices: readonly LedgerFault[];
  #made = 0;

  constructor(side: StruckSide, seed: number) {
    this.#side = side;
    this.#random = seededRandom(seed);
    const kinds: LedgerFault[] = [...side.server.faults, ...(side.proxy === undefined ? [] : ofProxy), "break"];
    this.#choices = kinds.flatMap((kind) => Array.from({ length: weights[kind] }, () => kind));
  }

  get made(): number {
    return this.#made;
  }

  /** The next one. Every fault takes the same number of random numbers, so that what befalls does not hang on timing. */
  async next(): Promise<void> {
    const [kind, which, how, bytes] = [this.#random(), this.#random(), this.#random(), this.#random()];
    const fault = this.#choices[Math.floor(kind * this.#choices.length)] as LedgerFault;
    this.#made++;
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    if (fault === "break") this.#side.server.breakNext(how < 0.5);
    else if (ofProxy.includes(fault)) this.#befall(fault, which, how, bytes);
    else await this.#side.server.strike(fault);
  }

  #befall(fault: LedgerFault, which: number, how: number, bytes: number): void {
    const { proxy } = this.#side;
    const open = proxy?.openConnections ?? [];
    const connection = open[Math.floor(which * open.length)];
    if (proxy === undefined || connection === undefined) return;
    const direction = how < 0.5 ? "toOrigin" : "toClient";
    const afterBytes = Math.floor(bytes * 3_000);
    if (fault === "reset") proxy.befall("rst", connection);
    if (fault === "end") proxy.befall("fin", connection);
    if (fault === "black-hole" || fault === "deaf") proxy.befall(fault, connection);
    if (fault === "cut")
      proxy.arm(connection, { [direction]: { kind: bytes < 0.5 ? "fin" : "rst", afterBytes: 1 + afterBytes } });
    if (fault === "trickle")
      proxy.arm(connection, { [direction]: { kind: "trickle", afterBytes, chunkBytes: 1_000, gapMs: 2 } });
  }
}
