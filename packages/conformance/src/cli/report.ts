import { explain } from "./explain.ts";
import { countBy, type Outcome, type VenueResult } from "./outcome.ts";

/** A line for each group at each venue, and each failure with its rule and what happened instead. */
export function renderReport({ adapter, results, unreached, falseClaims }: Outcome): string {
  const { name, vendor, protocol, capabilities } = adapter;
  const names = Object.entries(capabilities);
  const those = (wanted: boolean): string => names.flatMap(([name, has]) => (has === wanted ? [name] : [])).join(", ");
  const lines = [
    `${name} of ${vendor}, protocol ${protocol}`,
    `claims ${those(true) || "no capability"}`,
    ...(those(false) === "" ? [] : [`lacks ${those(false)}: each has to be UNSUPPORTED ("replaced")`]),
    ...unreached.map((why) => `not tried over ${why}`),
  ];
  for (const [venue, ofVenue] of Map.groupBy(results, (result) => result.venue)) {
    lines.push("", venue);
    for (const [group, some] of Map.groupBy(ofVenue, ({ id }) => id.slice(0, id.indexOf("/"))))
      lines.push(...groupLines(group, some));
  }
  const falsely = falseClaims.map(
    (capability) => `${name} claims capabilities.${capability}, and every case that needs it failed.`,
  );
  return [...lines, "", ...falsely, totalLine(results), ""].join("\n");
}

function groupLines(group: string, results: readonly VenueResult[]): string[] {
  const failed = results.filter(({ status }) => status === "failed");
  return [
    `  ${failed.length === 0 ? "✓" : "✗"} ${group.padEnd(16)} ${inWords(results)}`,
    ...failed.flatMap(({ id, title, error }) => [`    ✗ ${id}: ${title}`, `      instead: ${explain(error)}`]),
  ];
}

/** `12 passed, 1 failed` */
export function inWords(results: readonly VenueResult[]): string {
  const { passed, replaced, failed, "not-applicable": inapplicable } = countBy(results);
  const counts = [
    [passed, "passed"],
    [replaced, "replaced"],
    [inapplicable, "not applicable"],
    [failed, "failed"],
  ] as const;
  return counts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(", ");
}

export function totalLine(results: readonly VenueResult[]): string {
  return `${results.length} cases: ${inWords(results) || "none ran"}`;
}
