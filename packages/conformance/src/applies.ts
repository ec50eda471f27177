import type { Case, Fixture } from "./case.ts";
import type { Fault } from "./hostile/fault.ts";

/** The faults that a case needs and the fixture's hostile origin cannot express. */
export function inexpressibleFaults({ faults }: Case, { hostile }: Fixture): readonly Fault[] {
  return faults.filter((fault) => hostile?.faults.has(fault) !== true);
}

/** Why a case does not apply to a fixture, for whoever reads the list; undefined if it does. */
export function whyNot(one: Case, fixture: Fixture): string | undefined {
  if (one.sockets === true && !fixture.traits.sockets) return "the adapter opens no sockets (traits.sockets)";
  const missing = inexpressibleFaults(one, fixture);
  if (missing.length === 0) return undefined;
  const what = missing.map((fault) => `"${fault}"`).join(", ");
  return fixture.hostile === undefined
    ? `the fixture has no hostile origin (needs ${what})`
    : `${fixture.hostile.protocol} cannot express ${what}`;
}
