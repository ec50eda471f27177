import { describeProbeFailure, describeRun, findingsOf, headingOf } from "./findings.ts";
import { type ReportJson, type TargetJson, wasMeasured } from "./report-json.ts";
import { resultTable } from "./result-table.ts";
import { layTable } from "./table.ts";

/** Marks text up for a terminal, or leaves it as it is. */
export type Paint = (style: "bold" | "dim", text: string) => string;

/** What the figures of CPU cover; below every report. */
export const cpuNote = "CPU is that of the client process alone; checking each answer is part of it.";

/** What an interrupted run says of itself. */
export const interruptedNote = "Interrupted: the figures cover what was measured until then.";

/** The report for a terminal: where and what, then a table for each target with what follows from it. */
export function renderReport(json: ReportJson, paint: Paint = (_, text) => text): string {
  const { workload, targets, outcome } = json;
  const measured = targets.some(wasMeasured);
  const head = describeRun(json).map((line) => paint("dim", line));
  const blocks = [
    ...(measured ? [head.join("\n")] : []),
    ...targets.map((target) => renderTarget(target, workload, paint)),
    ...(measured ? [paint("dim", cpuNote)] : []),
    ...(outcome === "interrupted" ? [interruptedNote] : []),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function renderTarget(target: TargetJson, workload: ReportJson["workload"], paint: Paint): string {
  if (target.probeFailure !== null) return describeProbeFailure(target.probeFailure);
  const heading = paint("bold", headingOf(target));
  if (!wasMeasured(target)) return `${heading}\nNothing was measured.`;
  const { columns, rows } = resultTable(target.transports);
  const [first = "", second = "", ...lines] = layTable(columns, rows);
  const table = [paint("dim", first), paint("dim", second), ...lines];
  return [heading, ...table, "", ...findingsOf(target, workload)].join("\n");
}
