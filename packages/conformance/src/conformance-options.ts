import type { Fixture } from "./case.ts";

/** What a binding to a test runner needs. */
export interface ConformanceOptions {
  /** Of the adapter. */
  readonly name: string;
  /** Made once for all cases. */
  readonly fixture: () => Fixture | Promise<Fixture>;
}
