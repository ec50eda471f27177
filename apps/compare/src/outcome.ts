import type { TargetResult } from "./compare.ts";
import type { Environment } from "./environment.ts";
import type { Workload } from "./workload.ts";

/** A whole run of the tool: what every form of report is made from. */
export interface Comparison {
  /** ISO 8601 */
  readonly startedAt: string;
  readonly environment: Environment;
  readonly workload: Workload;
  readonly targets: readonly TargetResult[];
  readonly interrupted: boolean;
}

/** Whether any measured exchange over this target has ended. */
export function wasMeasured({ results }: TargetResult): boolean {
  return results.some(({ measurement: { answered, failed } }) => answered + failed > 0);
}

export type Outcome = "ok" | "failed" | "interrupted";

/** A run is ok if every exchange was answered and the answers were equal, or vary by themselves. */
export function outcomeOf({ targets, interrupted }: Comparison): Outcome {
  if (interrupted) return "interrupted";
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
