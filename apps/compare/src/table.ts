/** A column: two lines of header, and how its cells stand. */
export interface Column {
  readonly header: readonly [string, string];
  readonly align: "left" | "right";
}

/** Lays out rows below a header of two lines, each column as wide as its widest cell. Returns the lines. */
export function layTable(columns: readonly Column[], rows: readonly (readonly string[])[]): readonly string[] {
  const lines = [columns.map(({ header }) => header[0]), columns.map(({ header }) => header[1]), ...rows];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines.map((line) =>
    columns
      .map(({ align }, column) => {
        const [cell, width] = [line[column] ?? "", widths[column] ?? 0];
        return align === "left" ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}
