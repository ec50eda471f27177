import { afterAll, describe, it } from "vitest";
import { allCases } from "./cases/all-cases.ts";
import { type ConformanceOptions, runnerLimitMs } from "./conformance-options.ts";
import { testsOf } from "./tests-of.ts";

export type { ConformanceOptions };

/**
 * Registers every case as a test of vitest. One that a capability replaces says so in its name; one that does not apply is
 * skipped, with the reason. Without an origin that can cut a response one test more is skipped, which says that conformance
 * is not shown.
 */
export function runConformance({ name, fixture: make, ...options }: ConformanceOptions): void {
  describe(`${name} conforms, ${allCases.length} cases`, async () => {
    const fixture = await make();
    const tests = await testsOf(allCases, fixture, options);
    afterAll(() => fixture.origin.close());
    for (const { name: title, skip: why, run } of tests)
      it(`${title}`, { timeout: runnerLimitMs(options) }, ({ skip }) => (why === undefined ? run() : skip(why)));
  });
}
