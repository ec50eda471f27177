import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

async function run(...options: string[]): Promise<unknown> {
  const file = fileURLToPath(new URL("half-head-process.ts", import.meta.url));
  const args = ["--expose-gc", "--conditions=holdfast:source", file, ...options];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  // An abort of node's own is SIGABRT.
  expect({ code, signal, output }).toMatchObject({ code: 0, signal: null });
  return JSON.parse(output);
}

const ways = ["flood", "violation", "reset", "close", "timeout", "failure", "destroy", "drain"];

it("a block of fields that a client begins and does not end cannot abort the process when the session is collected", async () => {
  expect(await run("--collect")).toEqual([...ways, ...ways]);
}, 60_000);

it("a block of fields that a client begins and does not end cannot abort the process at its end", async () => {
  expect(await run()).toEqual([...ways, ...ways]);
}, 60_000);
