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
    row.settings.length === 0
      ? "its defaults"
      : row.settings.map((line) => `\`${line.replaceAll(/\s+/g, " ")}\``).join(", "),
    ...columns.map((column) => cell(row, column, outcomes.get(column))),
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** What a test or a line of progress calls a row. */
export function title({ server, settings }: Row): string {
  return `${server} with ${settings.length === 0 ? "its defaults" : "tight settings"}`;
}

function cell(row: Row, column: Column, outcome: Outcome | undefined): string {
  if (!row.protocols.includes(column.protocol)) return "—";
  if (outcome === undefined) return "did not end";
  const problems = problemsOf(row, column, outcome);
  return `${problems.length === 0 ? "ok" : problems.join("; ")}, ${outcome.connections.length} / ${outcome.resent}`;
}
