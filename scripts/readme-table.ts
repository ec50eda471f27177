/** Puts what `compare` prints here and now into its README.md, and the TLS part into that of the root: no figure is typed by hand. */
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
const output = run.stdout.trim();
// Blocks are parted by empty lines: the first says where it ran, the one with the TLS table is followed by its verdicts.
const parts = output.split("\n\n");
const tls = parts.findIndex((part) => part.startsWith("https:"));
const verdicts = parts[tls + 1]?.split("\nAnswers")[0];
write("README.md", [parts[0]?.split("\n")[0], parts[tls], verdicts].join("\n\n"));
write("apps/compare/README.md", output);

function write(path: string, shown: string): void {
  const page = readText(path);
  if (!block.test(page)) throw new Error(`${path} has no place for the table`);
  const filled = page.replace(
    block,
    (_, open: string, close: string) => `${open}\n\`\`\`text\n${shown}\n\`\`\`\n\n${close}`,
  );
  writeFileSync(join(root, path), filled);
}
