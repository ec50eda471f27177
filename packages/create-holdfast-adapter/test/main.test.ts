import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { usage } from "../src/command.ts";

// Processes start slowly where the machine is busy.
vi.setConfig({ testTimeout: 60_000 });

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "create-holdfast-adapter-"));
});
afterAll(() => rm(directory, { recursive: true }));

function create(...args: readonly string[]): {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
} {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: directory,
    encoding: "utf8",
    env: { ...process.env, npm_config_user_agent: "pnpm/12.21.0", NODE_NO_WARNINGS: "1" },
  });
  return { status, out: stdout, err: stderr };
}

describe("create-holdfast-adapter", () => {
  it("writes an adapter and says what to do next; the second time the folder is not empty", () => {
    const { status, out, err } = create("wire");
    expect({ status, err }).toEqual({ status: 0, err: "" });
    expect(out).toContain("holdfast-adapter-wire is in wire.");
    expect(out).toContain("pnpm install");
    expect(existsSync(join(directory, "wire/src/wire.ts"))).toBe(true);
    expect(create("wire")).toMatchObject({
      status: 1,
      out: "",
      err: "The folder wire is not empty; it has .gitignore.\n",
    });
  });

  it("tells in one sentence what is wrong, exits with 1 and writes nothing", () => {
    expect(create("http2")).toEqual({
      status: 1,
      out: "",
      err: "The name http2 is taken by Holdfast itself; take another.\n",
    });
    expect(existsSync(join(directory, "http2"))).toBe(false);
  });

  it("explains itself", () => {
    expect(create("--help")).toEqual({ status: 0, out: usage, err: "" });
    expect(create("--version").out).toMatch(/^\d+\.\d+\.\d+/);
  });
});
