import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import type { OutcomeJson } from "../src/cli/json.ts";

const main = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
// Node 22 cannot parse `await using`: there the command runs when it is built.
const node = fileURLToPath(new URL("../../../node_modules/node/bin/node", import.meta.url));
const cwd = fileURLToPath(new URL("adapters", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as a process of its own, from source. It does not outlive the test. */
async function run(...args: readonly string[]): Promise<Ended> {
  const flags = ["--conditions=holdfast:source", "--no-warnings"];
  const child = spawn(node, [...flags, main, ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "holdfast-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

const limit = { timeout: 60_000 };

describe("holdfast-conformance", () => {
  it.each([
    ["./none.js", "./none.js: there is no such file."],
    ["./nothing.ts", "./nothing.ts exports no function; it has to export a factory that returns a transport."],
    ["./throws.ts", "./throws.ts could not be loaded: it was not built."],
    ["./factories.ts", "exports several functions"],
    ["./factories.ts#absent", './factories.ts#absent: it exports no function "absent".'],
    ["./factories.ts#failing", "failing({}) failed: it needs a licence."],
    ["./factories.ts#noTransport", 'returned something that is not a transport: "~holdfast" is missing.'],
    ["./factories.ts#version2", "follows version 2 of the Holdfast contract"],
    ["./factories.ts#unreachable", "reaches none of the kit's origins: HTTP/1.1: there are no channels."],
    [
      "./factories.ts#speaksWire",
      "speaksWire speaks wire, of which the kit has no origin (it has http/1.1, h2 and websocket): bring yours with --fixture",
    ],
    ["./factories.ts#promises", "promises({}) returned a promise; a factory returns its transport at once."],
    ["./exits.ts", "The process ended before the run did"],
    ["--fixture=./fixture-is-none.ts", 'fixtures["broken"] made no Fixture: createTransport is not a function.'],
    [
      "--fixture=./fixture-makes-five.ts",
      'createTransport() of fixtures["five"] failed: it made something that is not a transport: "~holdfast" is missing.',
    ],
    ["--fixture=./none.ts", "./none.ts: there is no such file."],
    ["--fixture=./throws.ts", "./throws.ts could not be loaded: it was not built."],
    ["--fixture=./no-fixtures.ts", "./no-fixtures.ts has to export `fixtures`"],
  ])("says in one sentence what is wrong with %s", limit, async (module, said) => {
    const { code, stdout, stderr } = await run(module);
    expect(stderr).toContain(said);
    expect([code, stdout, stderr.trim().split("\n").length]).toEqual([1, "", 1]);
  });

  it.each([
    ["./hangs.ts", "./hangs.ts did not load within 300 ms (--limit)."],
    ["./factories.ts#hangsInClose", "close() of an unused transport of hangsInClose did not end within 300 ms"],
    [
      "--fixture=./fixture-hangs-in-close.ts",
      'close() of an unused transport of createTransport() of fixtures["hanging"] did not end within 300 ms',
    ],
    [
      "--fixture=./fixture-origin-hangs.ts",
      "fixture-origin-hangs.ts: the origins did not end within 300 ms (--limit).",
    ],
  ])("does not wait for ever for %s", limit, async (module, said) => {
    const { code, stderr } = await run(module, "--limit", "300", "--only", "push/");
    expect(stderr).toContain(said);
    expect(code).toBe(1);
  });

  it("fails where the adapter ends the process, and was told of nothing", limit, async () => {
    const { code, stdout, stderr } = await run("./factories.ts#exitsMidway", "--only", "request/");
    expect(stderr).toContain("The process ended before the run did");
    expect(stdout).not.toContain(" cases: ");
    expect(code).toBe(1);
  });

  it("names a capability that no case could try", limit, async () => {
    const { stdout } = await run("./factories.ts#claimsPush", "--only", "push/");
    expect(stdout).toContain("claimsPush claims capabilities.push, and no case could try it.");
  });

  it("names the capability that is claimed and lacking", limit, async () => {
    const { code, stdout } = await run("./factories.ts#claimsChannels", "--only", "channel/");
    expect(stdout).toContain("claimsChannels claims capabilities.channel, and every case that needs it failed.");
    expect(code).toBe(1);
  });

  it("tells each failure by its rule and by what happened instead", limit, async () => {
    const { code, stdout } = await run(
      "./factories.ts#poor",
      "--only",
      "deadlines/",
      "--only",
      "channel/echo",
      "--limit",
      "400",
    );
    expect(stdout).toContain("poor of a-stranger, protocol http/1.1");
    expect(stdout).toMatch(/claims exchange\nlacks channel, .+: each has to be UNSUPPORTED/);
    expect(stdout).toMatch(/not tried over HTTP\/1\.1 over TLS: .+\./);
    expect(stdout).toMatch(/✗ deadlines .*\d+ failed/);
    expect(stdout).toMatch(/✗ deadlines\/[\w-]+: [a-z].+\n +instead: .+/);
    expect(stdout).toContain("✓ channel          1 replaced");
    expect(code).toBe(1);
  });

  it("passes what keeps the rules that are asked for, and writes JSON and a badge", limit, async () => {
    const files = directory();
    const [json, badge] = [join(files, "out.json"), join(files, "badge.svg")];
    const asked = ["--only", "channel/echo", "--only", "push/"];
    const { code, stdout } = await run(
      "./factories.ts#poor",
      ...asked,
      "--repeat",
      "2",
      "--json",
      json,
      "--badge",
      badge,
    );
    expect(code).toBe(0);
    expect(stdout).toContain("HTTP/1.1, time 2");
    const written = JSON.parse(readFileSync(json, "utf8")) as OutcomeJson;
    expect(written).toMatchObject({ schema: 1, adapter: { name: "poor", protocol: "http/1.1" }, falseClaims: [] });
    expect(written.totals.failed).toBe(0);
    expect(written.cases).toHaveLength(Object.values(written.totals).reduce((sum, count) => sum + count));
    const { passed, replaced } = written.totals;
    expect(readFileSync(badge, "utf8")).toContain(
      `<title>holdfast conformance: ${passed + replaced}/${passed + replaced}`,
    );
  });

  it("tries an adapter of another protocol with the fixtures that are brought", limit, async () => {
    const asked = ["--only", "channel/", "--only", "goodbyes/", "--only", "silence/deadline"];
    const { code, stdout } = await run("--fixture", "./fixtures.ts", ...asked, "--limit", "2000");
    expect(stdout).toContain("wire of a-stranger, protocol wire");
    expect(stdout).toMatch(/\nwire: conformance is not shown: .+ the fixture has no hostile origin\n/);
    expect(stdout).toMatch(
      /\d+ cases: 0 passed, 1 failed, \d+ do not apply \(\d+: the fixture has no hostile origin \(needs .+\)\), \d+ replaced by UNSUPPORTED\n/,
    );
    expect(stdout).toMatch(/instead: .+it waited for a rejection/);
    expect(code).toBe(1);
  });

  it("explains itself", limit, async () => {
    expect((await run("--help")).stdout).toContain("--only ID");
    for (const args of [
      [],
      ["a", "b"],
      ["./x.js", "--fixture", "./y.js"],
      ["./x.js", "--repeat", "0"],
      ["./x.js", "--wrong"],
      ["./x.js", "--only", "nothing"],
    ]) {
      const { code, stderr } = await run(...args);
      expect([code, stderr.endsWith("Try --help.\n")], args.join(" ")).toEqual([2, true]);
    }
  });
});
