import type { LedgerResult } from "./run-ledger.ts";

/** The figures of a run, a line each; every disagreement, up to a number that can be read. */
export function ledgerReport(name: string, result: LedgerResult): string {
  const { exchanges, faults, outcomes, disagreements, seed, worstOverrunMs, heapGrowthBytes, elapsedMs } = result;
  const struck = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([what, count]) => `${what} ${count}`)
      .join(", ");
  const lines = [
    `${name}: ${exchanges} exchanges, ${struck} faults, ${disagreements.length} disagreements, seed ${seed}`,
    `  faults: ${list(faults)}`,
    `  outcomes: ${list(outcomes)}`,
    `  ${(elapsedMs / 1_000).toFixed(1)} s, worst overrun of a deadline ${Math.max(0, worstOverrunMs).toFixed(0)} ms, heap ${(heapGrowthBytes / 1_048_576).toFixed(1)} MiB`,
    ...disagreements.slice(0, maxLines).map(({ rule, what }) => `  ✗ ${rule}: ${what}`),
  ];
  if (disagreements.length > maxLines) lines.push(`  and ${disagreements.length - maxLines} more`);
  return lines.join("\n");
}

const maxLines = 20;
