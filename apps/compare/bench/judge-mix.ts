import type { Ledger } from "./mixed-handler.ts";
import type { Step } from "./plan.ts";
import type { MixResult } from "./run-mix.ts";

/** A run over one transport, as both sides saw it. */
export interface MixRun {
  readonly transport: string;
  readonly result: MixResult;
  readonly ledger: Ledger;
}

const maxShown = 3;

/** What is not as it has to be, a sentence each; none is what we want. The first run is what the others are held against. */
export function judgeMix(steps: readonly Step[], runs: readonly MixRun[]): readonly string[] {
  const [reference] = runs;
  return runs.flatMap(({ transport, result, ledger }) => {
    const { lines, failed, left } = result;
    const differences = steps.flatMap(({ id }) => {
      const expected = reference?.result.lines[id];
      return lines[id] === expected ? [] : [`"${lines[id]}" instead of "${expected}"`];
    });
    const executions = steps.map(({ id }) => ledger.executed[id] ?? 0);
    const twice = steps.filter(({ id }) => (executions[id] ?? 0) > 1);
    // One that is given up may be so before anybody has seen it.
    const never = steps.filter(({ id, kind }) => executions[id] === 0 && !kind.startsWith("cancel"));
    return [
      ...problem(
        failed,
        "exchanges failed",
        lines.filter((line) => line.includes(" failed: ")),
      ),
      ...problem(differences.length, `results are not those of ${reference?.transport}`, differences),
      ...problem(twice.length, "exchanges were executed twice", twice.map(describe)),
      ...problem(never.length, "exchanges were answered, but not by the handler", never.map(describe)),
      ...problem(ledger.errors.length, "errors were told by the server", ledger.errors),
      ...problem(left, "connections or exchanges were left after close()", []),
    ].map((sentence) => `${transport}: ${sentence}`);
  });
}

function problem(count: number, what: string, examples: readonly string[]): readonly string[] {
  if (count === 0) return [];
  return [[`${count} ${what}`, ...examples.slice(0, maxShown)].join("\n  ")];
}

function describe({ id, kind }: Step): string {
  return `${id} ${kind}`;
}
