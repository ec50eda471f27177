import { after, describe, it } from "node:test";
import { allCases } from "./cases/all-cases.ts";
import type { ConformanceOptions } from "./conformance-options.ts";
import { testsOf } from "./tests-of.ts";

export type { ConformanceOptions };

/**
 * Registers every case as a test of node:test. One that a capability replaces, or that does not apply, says so in its name.
 * Resolves when all are registered: `await` it at the top of a test file.
 */
export async function runConformance({ name, fixture: make }: ConformanceOptions): Promise<void> {
  const fixture = await make();
  const tests = await testsOf(allCases, fixture);
  void describe(`${name} conforms, ${allCases.length} cases`, () => {
    after(() => fixture.origin.close());
    for (const test of tests) void it(test.name, { timeout: 60_000 }, test.run);
  });
}
