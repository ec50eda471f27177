import { afterAll, describe, it } from "vitest";
import { caseFor } from "./absence.ts";
import type { Fixture } from "./case.ts";
import { allCases } from "./cases/all-cases.ts";
import { capabilitiesOf, runCase } from "./run-cases.ts";

export interface ConformanceOptions {
  /** Of the adapter. */
  readonly name: string;
  /** Made once for all cases. */
  readonly fixture: () => Fixture | Promise<Fixture>;
}

/** Registers every case as a test of vitest. A case that a capability replaces says so in its name. */
export function runConformance({ name, fixture: make }: ConformanceOptions): void {
  describe(`${name} conforms`, async () => {
    const fixture = await make();
    const capabilities = await capabilitiesOf(fixture);
    afterAll(() => fixture.origin.close());
    for (const original of allCases) {
      const one = caseFor(original, capabilities);
      it(`${one.id}: ${one.title}`, { timeout: 60_000 }, () => runCase(one, fixture));
    }
  });
}
