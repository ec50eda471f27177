/** Puts the TLS part of what `compare` prints here and now into README.md, so that no figure there was typed by hand. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readText, root } from "./workspace.ts";

const block = /(<!-- compare -->\n)[\s\S]*?(<!-- \/compare -->)/;
const run = spawnSync(process.execPath, ["--conditions=holdfast:source", "apps/compare/src/main.ts"], {
  cwd: root,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
});
if (run.status !== 0) throw new Error("compare failed");
// Blocks are parted by empty lines: the first says where it ran, the one with the TLS table is followed by its verdicts.
const parts = run.stdout.trim().split("\n\n");
const tls = parts.findIndex((part) => part.startsWith("https:"));
const verdicts = parts[tls + 1]?.split("\nAnswers")[0];
const shown = [parts[0]?.split("\n")[0], parts[tls], verdicts].join("\n\n");
const page = readText("README.md");
if (!block.test(page)) throw new Error("README.md has no place for the table");
writeFileSync(
  join(root, "README.md"),
  page.replace(block, (_, open: string, close: string) => `${open}\n\`\`\`text\n${shown}\n\`\`\`\n\n${close}`),
);
