import type { Fixture } from "./case.ts";
import type { Fault } from "./hostile/fault.ts";

const needed: readonly Fault[] = ["cut", "end-mark"];

/**
 * That a pass shows little, in one sentence, and why; undefined if it shows conformance. Whether a response that was cut is
 * told as whole, only an origin can show that cuts one. One fault of the two suffices: where connections cannot be cut there
 * may be none, and HTTP/1.1 has no end mark behind a body of a told length.
 */
export function unshown({ hostile }: Pick<Fixture, "hostile">): string | undefined {
  if (needed.some((fault) => hostile?.faults.has(fault) === true)) return undefined;
  const why = hostile === undefined ? "the fixture has no hostile origin" : "the hostile origin has neither";
  return `conformance is not shown: nothing tries responses that are cut (faults "cut", "end-mark"), for ${why}`;
}
