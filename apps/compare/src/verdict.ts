import type { TransportResult } from "./compare.ts";
import type { Measurement, Round } from "./measure.ts";

/**
 * One sentence that holds a transport against the baseline: `HTTP/1.1 keep-alive: 3.1 times the requests per second, 62% less
 * CPU per request, 16 connections instead of 2,000.` Undefined if either was never answered.
 */
export function verdictOf(baseline: TransportResult, other: TransportResult): string | undefined {
  const [before, after] = [baseline.measurement, other.measurement];
  if (before.answered === 0 || after.answered === 0) return undefined;
  return `${other.title}: ${speed(before, after)}, ${cpu(before, after)}, ${connections(before.connections, after.connections)}.`;
}

function speed(before: Measurement, after: Measurement): string {
  if (!agree(before.rounds, after.rounds)) return "no clear difference in requests per second";
  return `${(after.requestsPerSecond / before.requestsPerSecond).toFixed(1)} times the requests per second`;
}

/** The same transport was faster in every round. Rounds of one number ran side by side, so they are held against each other. */
function agree(before: readonly Round[], after: readonly Round[]): boolean {
  const faster = before.map((round, index) => rate(after[index] ?? round) > rate(round));
  return faster.every((one) => one === faster[0]);
}

function rate({ answered, elapsedMs }: Round): number {
  return answered / elapsedMs;
}

function cpu(before: Measurement, after: Measurement): string {
  const change = (after.cpuMicrosPerRequest ?? 0) / (before.cpuMicrosPerRequest ?? 1) - 1;
  const percent = Math.round(Math.abs(change) * 100);
  return percent === 0 ? "as much CPU per request" : `${percent}% ${change < 0 ? "less" : "more"} CPU per request`;
}

function connections(before: number, after: number): string {
  const text = `${after.toLocaleString("en-US")} connection${after === 1 ? "" : "s"}`;
  return before === after ? `${text} like the baseline` : `${text} instead of ${before.toLocaleString("en-US")}`;
}
