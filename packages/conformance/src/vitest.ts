import { afterAll, describe, it } from "vitest";
import { allCases } from "./cases/all-cases.ts";
import type { ConformanceOptions } from "./conformance-options.ts";
import { testsOf } from "./tests-of.ts";

export type { ConformanceOptions };

/** Registers every case as a test of vitest. One that a capability replaces, or that does not apply, says so in its name. */
export function runConformance({ name, fixture: make }: ConformanceOptions): void {
  describe(`${name} conforms, ${allCases.length} cases`, async () => {
    const fixture = await make();
    const tests = await testsOf(allCases, fixture);
    afterAll(() => fixture.origin.close());
    for (const test of tests) it(`${test.name}`, { timeout: 60_000 }, test.run);
  });
}
