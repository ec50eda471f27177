import { caseFor } from "./absence.ts";
import { whyNot } from "./applies.ts";
import type { Case, Fixture } from "./case.ts";
import { capabilitiesOf, runCase, type RunOptions } from "./run-cases.ts";
import { unshown } from "./unshown.ts";

/** A case as a test runner takes it. */
export interface ConformanceTest {
  /** The case's id and rule; or that a capability replaces it. */
  readonly name: string;
  /** Why it does not apply: it is to be reported as skipped, with this reason. Undefined if it is to be run. */
  readonly skip: string | undefined;
  run(): Promise<void>;
}

/**
 * One test for each case, so that a runner's report names them all: none is left out in silence. Without an origin that can
 * cut a response one more stands before them, to be skipped, which says that conformance is not shown.
 */
export async function testsOf(
  cases: readonly Case[],
  fixture: Fixture,
  options?: RunOptions,
): Promise<ConformanceTest[]> {
  const capabilities = await capabilitiesOf(fixture, options);
  const tests = cases.map((original): ConformanceTest => {
    const skip = whyNot(original, fixture);
    const one = skip === undefined ? caseFor(original, capabilities) : original;
    return { name: `${one.id}: ${one.title}`, skip, run: () => runCase(one, fixture, options) };
  });
  const missing = unshown(fixture);
  return missing === undefined ? tests : [{ name: missing, skip: missing, run: () => Promise.resolve() }, ...tests];
}
