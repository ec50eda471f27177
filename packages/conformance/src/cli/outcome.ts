import type { Capabilities } from "@holdfast/transport";
import type { Case } from "../case.ts";
import type { CaseResult } from "../run-cases.ts";
import type { Adapter } from "./adapter.ts";

/** A case at one venue. */
export interface VenueResult extends CaseResult {
  readonly venue: string;
}

/** What a run came to. */
export interface Outcome {
  readonly adapter: Adapter;
  readonly results: readonly VenueResult[];
  /** Venues that the adapter does not reach, and why. */
  readonly unreached: readonly string[];
  /** Claimed, and not there: every case that needs it failed. */
  readonly falseClaims: readonly (keyof Capabilities)[];
  /** Claimed, and never tried: no case that needs it applied. */
  readonly untriedClaims: readonly (keyof Capabilities)[];
  /** Of each venue where a pass shows little, why. */
  readonly unshown: readonly string[];
}

export type Status = CaseResult["status"];

export function countBy(results: readonly VenueResult[]): Readonly<Record<Status, number>> {
  const counts = { passed: 0, replaced: 0, "not-applicable": 0, failed: 0 };
  for (const { status } of results) counts[status]++;
  return counts;
}

/** Claimed capabilities of which no case that needs them passed, though some ran; and those of which none ran. */
export function judgeClaims(
  cases: readonly Case[],
  results: readonly VenueResult[],
  capabilities: Capabilities,
): Pick<Outcome, "falseClaims" | "untriedClaims"> {
  const needs = new Map(cases.map(({ id, requires }) => [id, requires]));
  const falseClaims: (keyof Capabilities)[] = [];
  const untriedClaims: (keyof Capabilities)[] = [];
  for (const capability of Object.keys(capabilities) as (keyof Capabilities)[]) {
    if (!capabilities[capability] || capability === "exchange") continue;
    const asked = results.filter(({ id }) => needs.get(id)?.includes(capability) === true);
    const run = asked.filter(({ status }) => status !== "not-applicable");
    if (run.length > 0 && run.every(({ status }) => status === "failed")) falseClaims.push(capability);
    if (run.length === 0 && asked.length > 0) untriedClaims.push(capability);
  }
  return { falseClaims, untriedClaims };
}
