import { after, describe, it } from "node:test";
import { allCases } from "./cases/all-cases.ts";
import { type ConformanceOptions, runnerLimitMs } from "./conformance-options.ts";
import { testsOf } from "./tests-of.ts";

export type { ConformanceOptions };

/**
 * Registers every case as a test of node:test. One that a capability replaces says so in its name; one that does not apply
 * is skipped, with the reason. Without an origin that can cut a response one test more is skipped, which says that
 * conformance is not shown. Resolves when all are registered: `await` it at the top of a test file.
 */
export async function runConformance({ name, fixture: make, ...options }: ConformanceOptions): Promise<void> {
  const fixture = await make();
  const tests = await testsOf(allCases, fixture, options);
  void describe(`${name} conforms, ${allCases.length} cases`, () => {
    after(() => fixture.origin.close());
    for (const { name: title, skip, run } of tests)
      void it(title, { timeout: runnerLimitMs(options), ...(skip !== undefined && { skip }) }, run);
  });
}
