/**
 * Runs the conformance tests of every adapter of this workspace over and over, and prints a line for each: how many runs, cases and
 * failures. Exits with 1 if there is a failure. `--times N` (50), `--node FILE` (the Node that runs this), and the names of adapters.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./workspace.ts";

/** What is read of the report of vitest. */
interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const { values, positionals } = parseArgs({
  // pnpm hands the "--" over that is written before arguments.
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  allowPositionals: true,
  options: {
    times: { type: "string", default: "50" },
    node: { type: "string", default: process.execPath },
  },
});
const limitMs = 480_000;
const times = Number(values.times);
const node = resolve(values.node);
const version = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout?.trim();
if (!version) throw new Error(`${node} is no Node`);
const all = globSync("packages/*/test/conformance.test.ts", { cwd: root }).toSorted();
const tests = new Map(all.map((file) => [file.split(/[/\\]/)[1] as string, file]));
const unknown = positionals.filter((name) => !tests.has(name));
if (unknown.length > 0 || !Number.isInteger(times) || times < 1)
  throw new Error(`usage: repeat [--times N] [--node FILE] [${[...tests.keys()].join("] [")}]`);

const directory = mkdtempSync(join(tmpdir(), "holdfast-repeat-"));
for (const [name, file] of tests) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  let cases = 0;
  const failures: string[] = [];
  for (let time = 1; time <= times; time++) {
    const report = runOnce(file);
    if (typeof report === "string") failures.push(`time ${time}: ${report}`);
    else {
      cases += report.numTotalTests;
      failures.push(...failuresOf(report).map((failure) => `time ${time}: ${failure}`));
    }
  }
  console.log(`${name}: ${times} runs, ${cases} cases, ${failures.length} failures, Node ${version}`);
  for (const failure of failures) console.log(`  ✗ ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}
rmSync(directory, { recursive: true });

/** What vitest found; or, in words, why it found nothing. */
function runOnce(file: string): Report | string {
  const output = join(directory, "report.json");
  rmSync(output, { force: true });
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const { status, signal, stdout, stderr } = spawnSync(
    node,
    [vitest, "run", file, "--reporter=dot", "--reporter=json", `--outputFile.json=${output}`],
    { cwd: root, encoding: "utf8", timeout: limitMs, maxBuffer: 2 ** 28, env: { ...process.env, NO_COLOR: "1" } },
  );
  const ended = `${signal === null ? `exit status ${status}` : `not done after ${limitMs} ms`}\n${stdout}${stderr}`;
  if (!existsSync(output)) return ended;
  const report = JSON.parse(readFileSync(output, "utf8")) as Report;
  // Errors that belong to no test, as rejections that nobody handled.
  return status !== 0 && failuresOf(report).length === 0 ? ended : report;
}

function failuresOf({ testResults }: Report): string[] {
  return testResults.flatMap(({ message, assertionResults }) => {
    const failed = assertionResults.filter(({ status }) => status === "failed");
    if (failed.length === 0 && message !== "") return [message];
    return failed.map(({ fullName, failureMessages }) => `${fullName}\n    ${failureMessages[0]?.split("\n")[0]}`);
  });
}
