import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { contentOf, digestOf } from "../bench/content.ts";
import { contestants } from "../bench/contestants.ts";
import { judgeMix, type MixRun } from "../bench/judge-mix.ts";
import { mixedHandler } from "../bench/mixed-handler.ts";
import { countKinds, planMix } from "../bench/plan.ts";
import { runMix } from "../bench/run-mix.ts";
import { serveMixed } from "../bench/serve-mixed.ts";

// The machine may be slow.
vi.setConfig({ testTimeout: 120_000 });

const largeBytes = 5 * 2 ** 20;
const options = { seed: 7, exchanges: 1_000, largeBytes };

describe("the plan of a mix", () => {
  it("is the same for the same seed, another for another, and of the same kinds for all", () => {
    expect(planMix(options)).toEqual(planMix(options));
    expect(planMix({ ...options, seed: 8 })).not.toEqual(planMix(options));
    const kinds = { get: 600, post: 240, down: 30, up: 30, "cancel-waiting": 40, "cancel-down": 30, "cancel-up": 30 };
    for (const seed of [7, 8]) expect(countKinds(planMix({ ...options, seed }))).toEqual(kinds);
  });
});

describe("the digest of a body", () => {
  async function* streamed(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    yield* pieces;
  }

  it("does not depend on how it was cut, and is of its beginning if asked so", async () => {
    const whole = Buffer.concat([...contentOf(5, 300_000)]);
    const digest = {
      bytes: 1_000,
      sha256: createHash("sha256").update(whole.subarray(0, 1_000)).digest("base64url").slice(0, 16),
    };
    expect(await digestOf(streamed(contentOf(5, 300_000, 333)), 1_000)).toEqual(digest);
    expect(await digestOf(streamed(contentOf(5, 300_000)))).toEqual(await digestOf(streamed([whole])));
  });

  it("tells bodies of other exchanges, and lost or doubled pieces, apart", async () => {
    const pieces = [...contentOf(5, 300_000)];
    const lost = pieces.toSpliced(3, 1);
    const swapped = pieces.toSpliced(3, 2, pieces[4] as Uint8Array, pieces[3] as Uint8Array);
    const digests = [pieces, [...contentOf(6, 300_000)], lost, swapped].map(async (one) => digestOf(streamed(one)));
    expect(new Set((await Promise.all(digests)).map(({ sha256 }) => sha256)).size).toBe(4);
  });
});

describe("the verdict on a mix", () => {
  const steps = planMix({ ...options, exchanges: 100 });
  const [step] = steps.filter(({ kind }) => kind === "post");
  const [cancelled] = steps.filter(({ kind }) => kind === "cancel-waiting");
  const good: MixRun = {
    transport: "a",
    result: {
      lines: steps.map(({ id }) => `${id} ok`),
      answered: 90,
      cancelled: 10,
      failed: 0,
      elapsedMs: 1,
      connectionsOpened: 1,
      replayed: 0,
      left: 0,
    },
    ledger: { executed: Object.fromEntries(steps.map(({ id }) => [id, 1])), abandoned: 0, errors: [] },
  };

  it("is nothing if all is as it has to be, also where what was given up was never executed", () => {
    const executed = { ...good.ledger.executed, [cancelled?.id ?? -1]: 0 };
    expect(judgeMix(steps, [good, { ...good, ledger: { executed, abandoned: 1, errors: [] } }])).toEqual([]);
  });

  it.each([
    [
      "another result",
      { result: { ...good.result, lines: good.result.lines.with(9, "9 other") } },
      '"9 other" instead of "9 ok"',
    ],
    [
      "an exchange that was executed twice",
      { ledger: { executed: { ...good.ledger.executed, 5: 2 }, abandoned: 0, errors: [] } },
      "1 exchanges were executed twice",
    ],
    [
      "an answer that nobody gave",
      { ledger: { executed: { ...good.ledger.executed, [step?.id ?? -1]: 0 }, abandoned: 0, errors: [] } },
      "not by the handler",
    ],
    [
      "an error that the server tells",
      { ledger: { ...good.ledger, errors: ["Error: x"] } },
      "1 errors were told by the server",
    ],
    ["a failure", { result: { ...good.result, failed: 1 } }, "1 exchanges failed"],
    ["something left", { result: { ...good.result, left: 2 } }, "2 connections or exchanges were left"],
  ])("tells %s", (_, bad, sentence) => {
    const problems = judgeMix(steps, [good, { ...good, transport: "b", ...bad }]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^b: /);
    expect(problems[0]).toContain(sentence);
  });
});

describe("one application function over memory, HTTP/1.1, HTTP/2 and WebSocket", () => {
  it("has the same results, all exchanges settle, none is executed twice, nothing is left open", async () => {
    const before = openSockets();
    const steps = planMix(options);
    const handler = mixedHandler();
    const server = await serveMixed(handler);
    const runs: MixRun[] = [];
    try {
      for (const [transport, create] of Object.entries(contestants)) {
        const result = await runMix(create(handler), server.url, { steps, largeBytes, concurrency: 128 });
        runs.push({ transport, result, ledger: await handler.take() });
      }
    } finally {
      await server.close();
    }
    expect(judgeMix(steps, runs)).toEqual([]);
    expect(runs.map(({ transport }) => transport)).toEqual(["memory", "http1", "http2", "websocket"]);
    for (const { result, ledger } of runs) {
      expect(result).toMatchObject({ answered: 900, cancelled: 100, failed: 0, left: 0 });
      expect(ledger.abandoned).toBeGreaterThan(0);
    }
    // Exchanges that are given up share sessions with others, which do not notice.
    expect(runs.at(-1)?.result.connectionsOpened).toBeLessThanOrEqual(4);
    await vi.waitFor(() => expect(openSockets()).toBe(before));
  });
});

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => /TCP|TLS/.test(kind)).length;
}
