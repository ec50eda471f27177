import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { allCases } from "@holdfast/conformance";
import { describe, expect, it } from "vitest";

const fileOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
// The sources run as they are, which the oldest Node cannot; what is tried here is the binding.
const node = fileOf("../../../node_modules/node/bin/node");

interface Outcome {
  readonly code: number;
  readonly report: string;
}

function run(...args: readonly string[]): Promise<Outcome> {
  const flags = ["--conditions=holdfast:source", "--test-reporter=tap", fileOf("node-test-program.ts"), ...args];
  return new Promise((resolve) => {
    execFile(node, flags, { maxBuffer: 2 ** 26 }, (error, report) =>
      resolve({ code: error === null ? 0 : Number(error.code), report }),
    );
  });
}

describe("the suite under node:test", () => {
  it("has a test for each case, and passes a sound adapter", { timeout: 120_000 }, async () => {
    const { code, report } = await run();
    expect(report).toContain(`# tests ${allCases.length}\n`);
    const [, skipped = ""] = /^# skipped (\d+)$/m.exec(report) ?? [];
    expect(Number(skipped)).toBeGreaterThan(0);
    expect(report).toContain(`# pass ${allCases.length - Number(skipped)}\n`);
    expect(report).toMatch(/ok \d+ - resets\/refused-GET: .+ # SKIP in process cannot express "refuse"/);
    expect(report).not.toContain("conformance is not shown");
    expect(code).toBe(0);
  });

  it("says that conformance is not shown where nothing is cut", { timeout: 120_000 }, async () => {
    const { code, report } = await run("alone");
    expect(report).toMatch(
      /ok \d+ - conformance is not shown: .+ # SKIP conformance is not shown: .+no hostile origin/,
    );
    expect(code).toBe(0);
  });

  it("fails an adapter that breaks a rule, by the name of its case", { timeout: 120_000 }, async () => {
    const { code, report } = await run("broken");
    expect(report).toMatch(/not ok \d+ - close\/drains-head: /);
    expect(report).toMatch(/ {4}ok \d+ - request\/get: /);
    expect(code).toBe(1);
  });
});
