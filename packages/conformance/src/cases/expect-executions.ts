import assert from "node:assert/strict";
import type { Fixture } from "../case.ts";

/** The origin has looked at the request of this id so often. */
export function expectExecutions({ origin }: Fixture, id: string, wanted: number): void {
  const times = origin.control.executions(id);
  assert.equal(times, wanted, `the origin executed the request ${times} times instead of ${wanted}`);
}
