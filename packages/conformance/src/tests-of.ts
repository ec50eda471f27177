import assert from "node:assert/strict";
import { caseFor } from "./absence.ts";
import { inexpressibleFaults, whyNot } from "./applies.ts";
import type { Case, Fixture } from "./case.ts";
import { capabilitiesOf, runCase } from "./run-cases.ts";

/** A case as a test runner takes it. */
export interface ConformanceTest {
  /** The case's id and rule; or that a capability replaces it, or why it does not apply. */
  readonly name: string;
  run(): Promise<void>;
}

/** One test for each case, so that a runner's report names them all: none is left out in silence. */
export async function testsOf(cases: readonly Case[], fixture: Fixture): Promise<ConformanceTest[]> {
  const capabilities = await capabilitiesOf(fixture);
  return cases.map((original): ConformanceTest => {
    const why = whyNot(original, fixture);
    if (why === undefined) {
      const one = caseFor(original, capabilities);
      return { name: `${one.id}: ${one.title}`, run: () => runCase(one, fixture) };
    }
    return {
      name: `${original.id}: does not apply, ${why}: "${original.title}"`,
      run: async () => assert.notEqual(inexpressibleFaults(original, fixture).length, 0),
    };
  });
}
