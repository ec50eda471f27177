import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { failure, rawServer } from "@holdfast/conformance/hostile";
import { describe, expect, it, onTestFinished } from "vitest";
import { http1 } from "../src/index.ts";

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const mebibyte = 1024 * 1024;

interface Measured {
  readonly atStart: number;
  readonly afterSequential: number;
  readonly afterConcurrent: number;
  readonly totals: Readonly<Record<string, number>>;
  readonly handles: readonly string[];
}

describe("100,000 requests", () => {
  it("leave a heap as large as before, and close() leaves no handle", { timeout: 240_000 }, async () => {
    const origin = spawn(process.execPath, [fileOf("soak-origin.ts")], { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => void origin.kill());
    const [port] = (await once(origin.stdout, "data")) as [Buffer];
    const client = spawn(
      process.execPath,
      ["--expose-gc", "--conditions=holdfast:source", fileOf("soak-process.ts"), `http://127.0.0.1:${Number(port)}/`],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    onTestFinished(() => void client.kill());
    const [output, [code]] = await Promise.all([text(client.stdout), once(client, "exit")]);
    expect(code).toBe(0);
    const { atStart, afterSequential, afterConcurrent, totals, handles } = JSON.parse(output) as Measured;
    const figure = (bytes: number): string => `${(bytes / mebibyte).toFixed(2)} MiB`;
    console.log(
      `heap ${figure(atStart)}, after 50,000 one by one ${figure(afterSequential)}, after 50,000 by 64 workers ${figure(afterConcurrent)}`,
    );
    expect(totals).toMatchObject({ exchangesFailed: 0, exchangesReplayed: 0, responsesLeaked: 0 });
    expect(totals["connectionsOpened"]).toBeLessThanOrEqual(32);
    expect(afterSequential - atStart).toBeLessThan(2 * mebibyte);
    expect(afterConcurrent - atStart).toBeLessThan(2 * mebibyte);
    expect(handles).toEqual([]);
  });
});

describe("10,000 exchanges that wait for one connection", () => {
  it("are all that may wait, and each leaves within the turn when it is aborted", async () => {
    await using server = await rawServer(async (peer) => void (await peer.request()));
    await using transport = http1({ maxConnections: 1, maxQueued: 10_000, timeouts: { queueMs: Infinity } });
    const first = failure(transport.request({ url: server.url }));
    while (server.requests.length === 0) await turn();

    const callers = Array.from({ length: 10_000 }, () => new AbortController());
    let settled = 0;
    const outcomes = callers.map(({ signal }) => {
      const outcome = failure(transport.request({ url: server.url, signal }));
      void outcome.then(() => settled++);
      return outcome;
    });
    const oneTooMany = await failure(transport.request({ url: server.url }));
    expect(oneTooMany).toMatchObject({ code: "QUEUE_FULL", phase: "queue", delivery: "not-sent" });
    expect(transport.stats().exchanges).toEqual({ queued: 10_000, inFlight: 1 });

    // From the middle, the ends, and then all.
    for (const index of [5_000, 0, 9_999]) {
      const before = settled;
      callers[index]?.abort();
      await turn();
      expect(settled).toBe(before + 1);
    }
    expect(transport.stats().exchanges.queued).toBe(9_997);
    for (const caller of callers) caller.abort();
    await turn();
    expect(settled).toBe(10_000);
    for (const error of await Promise.all(outcomes)) expect(error.delivery).toBe("not-sent");

    await transport.destroy();
    expect(await first).toMatchObject({ code: "CLOSED" });
    expect(server.requests).toHaveLength(1);
  });
});
