/** Runs every examples/*.ts alone, from source. An example proves itself: it ends by itself, with 0. */
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { finish } from "./problems.ts";
import { root } from "./workspace.ts";

const limitMs = 60_000;
const problems: string[] = [];
const examples = globSync("examples/*.ts", { cwd: root }).sort();
for (const example of examples) {
  const run = spawnSync(process.execPath, ["--conditions=holdfast:source", example], {
    cwd: root,
    encoding: "utf8",
    timeout: limitMs,
  });
  const how = run.signal === null ? `exit status ${run.status}` : `not done after ${limitMs} ms`;
  if (run.status !== 0) problems.push(`${example}: ${how}\n${run.stdout}${run.stderr}`);
}
finish(`examples: ${examples.length} ran`, problems);
