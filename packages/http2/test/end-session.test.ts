import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { expect, it, onTestFinished } from "vitest";

/** By exchange, then upload; both over a plain connection, then both over TLS. */
interface Ended {
  readonly outcomes: Readonly<Record<string, readonly string[]>>;
  readonly sessions?: number;
}

async function run(...options: string[]): Promise<Ended> {
  const file = fileURLToPath(new URL("half-head-process.ts", import.meta.url));
  const args = ["--expose-gc", "--conditions=holdfast:source", file, ...options];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  // An abort of node's own is SIGABRT.
  expect({ code, signal, output }).toMatchObject({ code: 0, signal: null });
  return JSON.parse(output) as Ended;
}

// Up to Node 24 a session does not read while it cannot write.
const found = expect.stringMatching(/^(PROTOCOL_ERROR|CONNECTION_LOST|BODY_TIMEOUT)$/);
const outcomes = {
  flood: ["PROTOCOL_ERROR", found, "PROTOCOL_ERROR", found],
  violation: ["PROTOCOL_ERROR", found, "PROTOCOL_ERROR", found],
  cut: ["CONNECTION_LOST", found, "CONNECTION_LOST", found],
  abort: ["ABORTED", "ABORTED", "ABORTED", "ABORTED"],
  destroy: ["CLOSED", "CLOSED", "CLOSED", "CLOSED"],
  limit: ["BODY_TIMEOUT", "BODY_TIMEOUT"],
};

it("a head that the peer has begun and does not end cannot abort the process when the session is collected, which all of it is", async () => {
  const ended = await run("--collect");
  expect(ended.outcomes).toEqual(outcomes);
  // The one that told what to count.
  expect(ended.sessions).toBeLessThanOrEqual(1);
}, 60_000);

it("a head that the peer has begun and does not end cannot abort the process at its end, though nothing was collected", async () => {
  const ended = await run();
  expect(ended.outcomes).toEqual(outcomes);
}, 60_000);
