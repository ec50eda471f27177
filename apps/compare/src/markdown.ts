import { describeProbeFailure, describeRun, findingsOf, headingOf } from "./findings.ts";
import { cpuNote, interruptedNote } from "./report.ts";
import { type ReportJson, type TargetJson, wasMeasured } from "./report-json.ts";
import { resultTable } from "./result-table.ts";

/** The report as Markdown, for an issue or a page: a section for each target, with a table and a list. */
export function renderMarkdown(json: ReportJson): string {
  const { workload, targets, outcome } = json;
  const measured = targets.some(wasMeasured);
  const blocks = [
    ...(measured ? [describeRun(json).map(escape).join("  \n")] : []),
    ...targets.map((target) => renderTarget(target, workload)),
    ...(measured ? [cpuNote] : []),
    ...(outcome === "interrupted" ? [interruptedNote] : []),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function renderTarget(target: TargetJson, workload: ReportJson["workload"]): string {
  if (target.probeFailure !== null) return escape(describeProbeFailure(target.probeFailure));
  const heading = `### ${escape(headingOf(target))}`;
  if (!wasMeasured(target)) return `${heading}\n\nNothing was measured.`;
  const { columns, rows } = resultTable(target.transports);
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(" | ")} |`;
  const table = [
    line(columns.map(({ header }) => header.join(" ").trim())),
    `| ${columns.map(({ align }) => (align === "left" ? "---" : "---:")).join(" | ")} |`,
    ...rows.map(line),
  ];
  const findings = findingsOf(target, workload).map((finding) => `- ${escape(finding)}`);
  return [heading, table.join("\n"), findings.join("\n")].join("\n\n");
}

/** Text from a URL, an adapter or an error must not become markup. */
function escape(text: string): string {
  return text.replaceAll(/[\\`*_<>|[\]#]/g, String.raw`\$&`);
}
