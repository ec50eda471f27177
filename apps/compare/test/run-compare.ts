import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The tool as a process of its own, from source. It does not outlive the test. */
export function startCompare(...args: readonly string[]): {
  readonly child: ChildProcess;
  /** Resolves when it has written this to stderr. */
  readonly wrote: (text: string) => Promise<void>;
  readonly ended: Promise<Ended>;
} {
  const env = { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined };
  const child = spawn(process.execPath, ["--conditions=holdfast:source", main, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  return {
    child,
    wrote: async (text) => {
      while (!stderr.includes(text)) await once(child.stderr, "data");
    },
    ended: once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr })),
  };
}

/** Runs the tool to its end. */
export function runCompare(...args: readonly string[]): Promise<Ended> {
  return startCompare(...args).ended;
}
