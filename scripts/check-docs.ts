/** Links lead somewhere, the docs name every error code and every event, and no file holds what it must not. */
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { transportErrorCodes } from "../packages/transport/src/error.ts";
import { events } from "../packages/transport/src/events.ts";
import { finish } from "./problems.ts";
import { readText, root } from "./workspace.ts";

const problems: string[] = [];
const files = trackedFiles();
const pages = files.filter((file) => file.endsWith(".md") && !file.endsWith("CHANGELOG.md"));

pages.forEach(checkLinks);
files.filter((file) => !/^pnpm-lock|CHANGELOG\.md$/.test(file)).forEach(checkWords);
if (/https?:\/\//.test(readText("pnpm-lock.yaml")))
  problems.push("pnpm-lock.yaml: names a host; install from the default registry");
checkRows("docs/errors.md", transportErrorCodes);
checkRows(
  "docs/events.md",
  Object.values(events).map(({ name }) => String(name)),
);
finish(`docs: ${pages.length} pages, ${files.length} files`, problems);

/** What is or will be committed: known to git or new and not ignored. */
function trackedFiles(): readonly string[] {
  const { stdout } = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return stdout
    .split("\n")
    .filter((file) => file !== "" && statSync(join(root, file), { throwIfNoEntry: false })?.isFile());
}

function checkLinks(page: string): void {
  const text = withoutCode(readText(page));
  for (const [, target] of text.matchAll(/\]\(([^)\s]+)[^)]*\)/g)) {
    const [path, anchor] = target!.split("#");
    if (/^[a-z]+:/.test(target!)) continue;
    const file = path === "" ? page : join(dirname(page), decodeURIComponent(path!));
    if (!existsSync(join(root, file))) problems.push(`${page}: ${target} leads nowhere`);
    else if (anchor !== undefined && file.endsWith(".md") && !anchors(file).includes(anchor))
      problems.push(`${page}: ${target} names no heading`);
  }
}

/** The names that a heading gets on GitHub. */
function anchors(page: string): readonly string[] {
  return [...withoutCode(readText(page)).matchAll(/^#+ +(.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Without fenced code; code in a line stays, because headings have some. */
function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```/gm, "");
}

function checkWords(file: string): void {
  if (statSync(join(root, file)).size > 1_000_000) problems.push(`${file}: larger than 1 MB`);
  const text = readText(file);
  // Written in parts, so that this file does not find itself.
  const forbidden = [
    ["an open end", new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`)],
    [
      "a path of one machine",
      new RegExp(
        ["/ho" + "me/\\w", "/Us" + "ers/\\w", "/ro" + "ot/\\w", "/wo" + "rk/\\w", "[A-Z]:\\\\Us" + "ers"].join("|"),
      ),
    ],
    [
      "a registry's host",
      new RegExp(
        ["registry" + "\\.[a-z]+\\.", "artifactory" + "\\.", "verdaccio" + "\\.", "_auth" + "Token"].join("|"),
        "i",
      ),
    ],
    ["a merge mark", new RegExp(`^(?:${"<".repeat(7)}|${">".repeat(7)}) `, "m")],
    ["a private key", new RegExp(`-----BEGIN [A-Z ]*PRIV` + `ATE KEY-----\\s+[A-Za-z0-9+/]{40}`)],
  ] as const;
  for (const [what, pattern] of forbidden) {
    const found = pattern.exec(text);
    if (found !== null)
      problems.push(`${file}:${text.slice(0, found.index).split("\n").length}: ${what}: ${found[0].trim()}`);
  }
}

/** The page has one table row for each name, in the same order, and no other. */
function checkRows(page: string, names: readonly string[]): void {
  const rows = [...readText(page).matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name!);
  for (const name of names) if (!rows.includes(name)) problems.push(`${page}: no row for ${name}`);
  for (const row of rows) if (!names.includes(row)) problems.push(`${page}: ${row} does not exist`);
  if (problems.length === 0 && rows.join() !== names.join())
    problems.push(`${page}: the rows are not in the order of the source`);
}
