/** Runs the matrix and puts its table into docs/servers.md, so that no figure there was typed by hand. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { makeCertificate } from "./certificate.ts";
import { type Column, columns, type Outcome, problemsOf, runCell } from "./cell.ts";
import { rows } from "./matrix.ts";
import { type Result, table, title } from "./table.ts";

const packages = ["nginx", "apache2", "caddy", "haproxy", "h2o", "nghttp2-server"];
const page = new URL("../docs/servers.md", import.meta.url);
const block = /(<!-- servers -->\n)[\s\S]*?(<!-- \/servers -->)/;

const certificate = await makeCertificate();
const results: Result[] = [];
for (const row of rows) {
  console.error(title(row));
  const outcomes = new Map<Column, Outcome>();
  const own = columns.filter(({ protocol }) => row.protocols.includes(protocol));
  await Promise.all(own.map(async (column) => outcomes.set(column, await runCell(row, column, certificate))));
  results.push({ row, outcomes });
}

console.log(table(results));
if (
  results.some(({ row, outcomes }) =>
    [...outcomes].some(([column, outcome]) => problemsOf(row, column, outcome).length > 0),
  )
)
  throw new Error("not all is well: docs/servers.md stays as it is");
const text = readFileSync(page, "utf8");
if (!block.test(text)) throw new Error("docs/servers.md has no place for the table");
writeFileSync(
  page,
  text.replace(block, (_, open: string, close: string) => `${open}\n${versions()}\n\n${table(results)}\n\n${close}`),
);

function versions(): string {
  const shown = execFileSync(
    "dpkg-query",
    ["--show", "--showformat=${Package} ${source:Upstream-Version}, ", ...packages],
    {
      encoding: "utf8",
    },
  );
  const { version } = createRequire(import.meta.url)("ws/package.json") as { readonly version: string };
  return `${shown.replaceAll(/[+~]\w+/g, "")}node ${process.versions.node}, ws ${version}.`;
}
