/** What was measured of one client, one sample for each round. */
export type Rounds<T> = ReadonlyMap<string, readonly T[]>;

/** Of several figures. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/**
 * Measures every client once a round, in another order each time: a drift of the machine hits all alike. Compare the ratios
 * of one run, not the figures of two.
 */
export async function rounds<T>(
  clients: readonly string[],
  count: number,
  sample: (client: string) => Promise<T>,
): Promise<Rounds<T>> {
  const samples = new Map(clients.map((client) => [client, [] as T[]]));
  for (let round = 1; round <= count; round++) {
    for (const client of shuffled(clients)) samples.get(client)?.push(await sample(client));
    process.stderr.write(`round ${round} of ${count}\n`);
  }
  return samples;
}

/** The figure of one client, over its rounds. */
export function spread(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  return {
    median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    least: sorted[0] ?? Number.NaN,
    most: sorted.at(-1) ?? Number.NaN,
  };
}

/** The figures of one client over those of another in the same round. */
export function ratio(figures: readonly number[], base: readonly number[]): Spread {
  return spread(figures.map((figure, round) => figure / (base[round] ?? Number.NaN)));
}

/** As `1.52 (1.48 to 1.60)`. */
export function written({ median, least, most }: Spread, digits = 2): string {
  return `${median.toFixed(digits)} (${least.toFixed(digits)} to ${most.toFixed(digits)})`;
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
