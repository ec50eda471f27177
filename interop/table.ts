import { type Column, columns, type Outcome, problemsOf } from "./cell.ts";
import type { Row } from "./matrix.ts";

/** One row of the matrix, as far as it has run. */
export interface Result {
  readonly row: Row;
  readonly outcomes: ReadonlyMap<Column, Outcome>;
}

/** The matrix as a table in Markdown. A cell is `ok` or what is wrong, connections used, requests sent again. */
export function table(results: readonly Result[]): string {
  const head = ["server", "settings", ...columns.map(({ name }) => name)];
  const lines = results.map(({ row, outcomes }) => [
    row.server,
    settingsOf(row),
    ...columns.map((column) => cell(row, column, outcomes.get(column))),
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** What a test or a line of progress calls a row. */
export function title({ server, settings }: Row): string {
  return `${server} with ${settings.length === 0 ? "its defaults" : "tight settings"}`;
}

function settingsOf({ settings, told = {} }: Row): string {
  if (settings.length === 0) return "its defaults";
  const own = settings.map((line) => `\`${line.replaceAll(/\s+/g, " ")}\``).join(", ");
  const known = Object.entries(told).map(([name, value]) => `\`${name}: ${JSON.stringify(value)}\``);
  return known.length === 0 ? own : `${own}; the client is told ${known.join(", ")}`;
}

function cell(row: Row, column: Column, outcome: Outcome | undefined): string {
  if (!row.protocols.includes(column.protocol)) return "—";
  if (outcome === undefined) return "did not end";
  const problems = problemsOf(row, column, outcome);
  return `${problems.length === 0 ? "ok" : problems.join("; ")}, ${outcome.connections.length} / ${outcome.resent}`;
}
