import type { Fixture } from "./case.ts";
import type { RunOptions } from "./run-cases.ts";

/** What a binding to a test runner needs. */
export interface ConformanceOptions extends RunOptions {
  /** Of the adapter. */
  readonly name: string;
  /** Made once for all cases. */
  readonly fixture: () => Fixture | Promise<Fixture>;
}

/** How long a runner shall wait for a case: longer than the case itself, which knows what it waited for. */
export function runnerLimitMs({ maxCaseMs = 30_000 }: RunOptions): number {
  return 2 * maxCaseMs;
}
