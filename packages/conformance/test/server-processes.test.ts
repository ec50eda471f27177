import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ExecutionReader, executionWriter } from "../src/ledger/execution-file.ts";
import { servedByProcesses } from "../src/ledger/server-processes.ts";
import type { ServerSide } from "../src/ledger/server-side.ts";

const module = "@holdfast/conformance/ledger";

async function served(name = "ledgerHttp1"): Promise<ServerSide> {
  const side = await servedByProcesses({ module, name }, 10, {});
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= side.close());
  onTestFinished(close);
  return { ...side, close };
}

/** Resolves with the status, or with what went wrong. */
function outcome(url: string): Promise<number | string> {
  return fetch(url).then(
    async (response) => {
      await response.arrayBuffer();
      return response.status;
    },
    (error: Error) => error.name,
  );
}

describe("a server that is killed", { timeout: 120_000 }, () => {
  it("keeps its port, and what it had executed is known", async () => {
    const side = await served();
    expect(await outcome(`${side.url}/3?bytes=1&ms=0`)).toBe(200);
    const interrupted = await fetch(`${side.url}/4?bytes=100000000&ms=0`);
    await side.strike("kill");
    await expect(interrupted.arrayBuffer()).rejects.toBeInstanceOf(TypeError);
    expect(await outcome(`${side.url}/3?bytes=1&ms=0`)).toBe(200);
    await side.close();
    expect([3, 4, 5].map((id) => side.executions(id))).toEqual([2, 1, 0]);
  });

  it("does what befalls others, too", async () => {
    const side = await served();
    expect(side.faults).toEqual(["kill", "restart", "goodbye", "idle-close"]);
    side.breakNext(false);
    await side.strike("restart");
    expect(await outcome(`${side.url}/1?bytes=1&ms=0`)).toBe("TypeError");
    expect(await outcome(`${side.url}/1?bytes=1&ms=0`)).toBe(200);
    expect(side.executions(1)).toBe(2);
  });

  it("is not started where there is no such protocol", async () => {
    await expect(served("ledgerNothing")).rejects.toThrow("the process of a server ended with 1");
  });
});

it("executions that several processes write down are counted while they come", () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "executions");
  const reader = new ExecutionReader(file, 10_000);
  const [one, other] = [executionWriter(file), executionWriter(file)];
  one.begin(7)();
  other.begin(7)();
  expect([reader.executions(7), reader.executions(8)]).toEqual([2, 0]);
  for (let id = 0; id < 10_000; id++) one.begin(id);
  reader.close();
  expect([reader.executions(7), reader.executions(9_999)]).toEqual([3, 1]);
});
