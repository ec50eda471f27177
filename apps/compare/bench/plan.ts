/** What one exchange of the mixed workload does. */
export type Kind = "get" | "post" | "down" | "up" | "cancel-waiting" | "cancel-down" | "cancel-up";

export interface Step {
  readonly id: number;
  readonly kind: Kind;
  /** Of the body: all of it, or for one that is cancelled what passes before. For `cancel-waiting` the turns to wait. */
  readonly size: number;
}

export interface MixOptions {
  readonly seed: number;
  readonly exchanges: number;
  /** Of the large bodies. */
  readonly largeBytes: number;
}

/** Of a hundred exchanges. What is left are GETs. */
const shares: readonly (readonly [kind: Kind, percent: number])[] = [
  ["post", 24],
  ["down", 3],
  ["up", 3],
  ["cancel-waiting", 4],
  ["cancel-down", 3],
  ["cancel-up", 3],
];
const maxPostBytes = 131_072;
const maxTurns = 20;

/** The same steps in the same order for the same options, whatever the machine. */
export function planMix({ seed, exchanges, largeBytes }: MixOptions): readonly Step[] {
  const random = seededRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const kinds = shares.flatMap(([kind, percent]) =>
    Array.from({ length: Math.round((exchanges * percent) / 100) }, () => kind),
  );
  while (kinds.length < exchanges) kinds.push("get");
  for (let last = kinds.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [kinds[last], kinds[other]] = [kinds[other] as Kind, kinds[last] as Kind];
  }
  const size = (kind: Kind): number => {
    if (kind === "get") return 0;
    if (kind === "post") return below(maxPostBytes);
    if (kind === "cancel-waiting") return below(maxTurns);
    return kind.startsWith("cancel") ? below(largeBytes / 2) : largeBytes;
  };
  return kinds.map((kind, id) => ({ id, kind, size: size(kind) }));
}

export function countKinds(steps: readonly Step[]): Readonly<Record<Kind, number>> {
  const counts = { get: 0, post: 0, down: 0, up: 0, "cancel-waiting": 0, "cancel-down": 0, "cancel-up": 0 };
  for (const { kind } of steps) counts[kind] += 1;
  return counts;
}

/** Numbers from 0 to below 1 (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
