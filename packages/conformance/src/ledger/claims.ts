/** What the client was told of one exchange. */
export interface Claim {
  /** `ok`, or the error's code and delivery. */
  readonly outcome: string;
  /** What was wrong with an answer that was told to be whole, or with an error that is none of ours. */
  readonly wrong?: string | undefined;
  /** The error's message. */
  readonly message?: string | undefined;
  readonly elapsedMs: number;
}

/** The outcome of what did not settle. */
export const stillOpen = "still open";

/** The error says that the server never looked at it. */
export function claimsUnsent({ outcome }: Claim): boolean {
  return outcome.endsWith(" not-sent") || outcome.endsWith(" refused");
}

/** The client's side of a ledger. In arrays of a fixed size, so that it does not count as growth. */
export class Claims {
  readonly #outcomes: string[] = [];
  readonly #counts: number[] = [];
  readonly #outcome: Uint16Array;
  readonly #elapsedMs: Float64Array;
  /** The rest of those that look suspicious as they come. */
  readonly #details: Map<number, Claim> = new Map();

  constructor(exchanges: number) {
    this.#outcome = new Uint16Array(exchanges);
    this.#elapsedMs = new Float64Array(exchanges);
  }

  note(id: number, claim: Claim, isSuspicious: boolean): void {
    let at = this.#outcomes.indexOf(claim.outcome);
    if (at < 0) at = this.#outcomes.push(claim.outcome) - 1;
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#outcome[id] = at;
    this.#elapsedMs[id] = claim.elapsedMs;
    if (isSuspicious || claim.wrong !== undefined) this.#details.set(id, claim);
  }

  of(id: number): Claim {
    const outcome = this.#outcomes[this.#outcome[id] ?? 0] ?? "nothing";
    return this.#details.get(id) ?? { outcome, elapsedMs: this.#elapsedMs[id] ?? 0 };
  }

  /** The most frequent first. */
  counts(): Record<string, number> {
    const pairs = this.#outcomes.map((outcome, at) => [outcome, this.#counts[at] ?? 0] as const);
    return Object.fromEntries(pairs.toSorted((a, b) => b[1] - a[1]));
  }
}
