import type { Adapter } from "./adapters.ts";
import type { TargetResult } from "./compare.ts";
import type { Environment } from "./environment.ts";
import type { Workload } from "./workload.ts";

/** A whole run of the tool: what every form of report is made from. */
export interface Comparison {
  /** ISO 8601 */
  readonly startedAt: string;
  readonly environment: Environment;
  readonly workload: Workload;
  /** Emulated on the way to the tool's own origin; 0 if there was none. */
  readonly roundTripMs: number;
  /** That the user brought, in the order of the command line. */
  readonly adapters: readonly Adapter[];
  readonly targets: readonly TargetResult[];
  readonly interrupted: boolean;
}

export type Outcome = "ok" | "failed" | "interrupted";

/**
 * A run is ok if every exchange was answered, the answers were equal or vary by themselves, and each adapter that was brought
 * could be measured somewhere.
 */
export function outcomeOf({ adapters, targets, interrupted }: Comparison): Outcome {
  if (interrupted) return "interrupted";
  const measured = new Set(targets.flatMap(({ results }) => results.map(({ name }) => name)));
  if (!adapters.every(({ entry }) => measured.has(entry.name))) return "failed";
  const failed = targets.some(
    ({ probeFailure, results, equality }) =>
      probeFailure !== undefined ||
      equality?.verdict === "different" ||
      results.some(({ measurement }) => measurement.failed > 0),
  );
  return failed ? "failed" : "ok";
}

/** As the shell sees it; 2 is for bad usage, 130 is 128 and the number of SIGINT. */
export const exitCodes: Readonly<Record<Outcome, number>> = { ok: 0, failed: 1, interrupted: 130 };
