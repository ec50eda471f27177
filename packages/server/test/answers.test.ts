import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { serve } from "../src/index.ts";
import { ask, http1Client, http2Client } from "./clients.ts";

/** What a process that serves answers which cannot be sent says of them at its end. */
async function run(): Promise<Record<string, unknown>> {
  const file = fileURLToPath(new URL("answers-process.ts", import.meta.url));
  const args = ["--conditions=holdfast:source", file];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill());
  const [output, [code, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
  // An abort of node's own is SIGABRT.
  expect({ code, signal, output }).toMatchObject({ code: 0, signal: null });
  return JSON.parse(output);
}

it("an answer that cannot be sent is 500 on every protocol, and cannot end the process", async () => {
  const failed = [500, 500, 500, 500];
  expect(await run()).toEqual({
    "kept by h2": [404, 500, 500, 500],
    "kept by http/1.1": failed,
    "used by h2": failed,
    "used by http/1.1": failed,
    "locked by h2": failed,
    "locked by http/1.1": failed,
    "prepared by h2": [200, 200, 200, 200],
    "prepared by http/1.1": ["cut", "cut", 200, 200],
    "error by h2": failed,
    "error by http/1.1": failed,
    ...Object.fromEntries(
      [100, 101, 199, 600, 200.5].flatMap((status) => [
        [`${status} by h2`, failed],
        [`${status} by http/1.1`, failed],
      ]),
    ),
    "connection by h2": [200, 200, 200, 200],
    "connection by http/1.1": [200, 200, 200, 200],
    "misnamed by h2": failed,
    "misnamed by http/1.1": failed,
    told: expect.arrayContaining([
      "TypeError: the body of the response is used or locked",
      "TypeError [ERR_INVALID_STATE]: Invalid state: ReadableStream is locked",
      'TypeError [ERR_INVALID_HTTP_TOKEN]: Header name must be a valid HTTP token ["x a"]',
      "TypeError: the status of the response is 0, not from 200 to 599",
    ]),
  });
});

describe.each([
  ["HTTP/1.1", http1Client],
  ["HTTP/2", http2Client],
])("over %s", (_, connect) => {
  it("what onError returns twice is sent once, and is a plain 500 then", async () => {
    const sorry = new Response("sorry", { status: 503 });
    const fetch = (): never => {
      throw new Error("down");
    };
    await using server = await serve({ hostname: "127.0.0.1", fetch, onError: () => sorry });
    await using client = connect(server.url);
    expect(await ask(client, {})).toMatchObject({ status: 503, text: "sorry" });
    expect(await ask(client, {})).toMatchObject({ status: 500, text: "the request failed\n" });
  });
});
