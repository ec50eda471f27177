import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { noHeads } from "../src/head-count.ts";
import { toJson } from "../src/to-json.ts";
import { comparisonOf, fresh, kept, refused, targetResult, transportResult } from "./fixed-comparison.ts";

/** Members of members too, each by its own name. */
function memberNames(value: unknown, into: Set<string> = new Set()): Set<string> {
  if (Array.isArray(value)) for (const one of value) memberNames(one, into);
  else if (typeof value === "object" && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      into.add(name);
      memberNames(member, into);
    }
  }
  return into;
}

describe("the JSON of a run", () => {
  const json = toJson(comparisonOf(targetResult()), "1.2.3");

  it("says what was run, without the values of fields", () => {
    expect(json).toMatchObject({
      schema: 1,
      tool: { name: "@holdfast/compare", version: "1.2.3" },
      startedAt: "2026-01-02T03:04:05.678Z",
      outcome: "ok",
      workload: {
        method: "GET",
        fields: ["authorization"],
        bodyBytes: 0,
        requests: 2_000,
        rounds: 4,
        warmUpRequests: 500,
      },
    });
    expect(JSON.stringify(json)).not.toContain("secret");
  });

  it("holds the figures of each transport, the baseline first", () => {
    expect(json.targets[0]?.transports).toEqual([
      expect.objectContaining({ name: "http1-no-reuse", connections: { opened: 2_000, openedByStats: 2_000 } }),
      {
        name: "http1",
        title: "HTTP/1.1 keep-alive",
        protocol: "http/1.1",
        answered: 2_000,
        failed: 0,
        failures: {},
        firstFailure: null,
        requestsPerSecond: 16_000,
        latencyMs: { min: 0.1, mean: 0.75, p50: 0.5, p90: 1.25, p99: 10.5, max: 1_234.5 },
        latencyCurve: kept.measurement.latencyCurve,
        connections: { opened: 16, openedByStats: 16 },
        handshakes: { full: 0, resumed: 0 },
        maxStreams: null,
        reusedShare: 0.992,
        cpuMicrosPerRequest: 40,
        heads: null,
        rounds: kept.measurement.rounds,
        firstExchanges: [expect.objectContaining({ connection: 0 }), expect.objectContaining({ connection: 1 })],
      },
    ]);
  });

  it("holds the first exchanges as they started, from the first on, with null for phases that were not", () => {
    expect(json.targets[0]?.transports[1]?.firstExchanges).toEqual([
      {
        connection: 0,
        startedMs: 0,
        queuedMs: 1,
        resolvedMs: null,
        connectedMs: 2,
        securedMs: null,
        readyMs: null,
        sentMs: 2.5,
        firstByteMs: 4,
        endMs: 4.5,
      },
      {
        connection: 1,
        startedMs: 2,
        queuedMs: 2,
        resolvedMs: null,
        connectedMs: null,
        securedMs: null,
        readyMs: null,
        sentMs: null,
        firstByteMs: 3,
        endMs: null,
      },
    ]);
  });

  it("holds the answer as a hash", () => {
    expect(json.targets[0]?.answer).toEqual({
      status: 200,
      bodyBytes: 5,
      bodySha256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    });
  });

  it("has no member that SCHEMA.md does not describe, and survives a round trip", () => {
    const schema = readFileSync(new URL("../SCHEMA.md", import.meta.url), "utf8");
    const failing = { failed: 1, firstFailure: refused(), failures: {} };
    const probeFailure = { title: "HTTP/1.1 no reuse", error: refused() };
    const leftOut = [{ name: "h2c", title: "HTTP/2 (h2c)", error: refused() }];
    const differences = [{ transport: "http1", part: "body", answers: 1, detail: "other" }] as const;
    const equality = { verdict: "different", differences, varying: [], ignoredFields: [] } as const;
    const results = [{ ...fresh, heads: noHeads }, transportResult(kept, failing)];
    const all = toJson(comparisonOf(targetResult({ results, probeFailure, leftOut, equality })), "1");
    const undescribed = [...memberNames(all)].filter((name) => !schema.includes(`\`${name}\``));
    expect(undescribed).toEqual([]);
    expect(JSON.parse(JSON.stringify(all))).toEqual(all);
  });
});

describe("the JSON of a run that failed", () => {
  it("has the failure of the probe and no figures", () => {
    const probeFailure = { title: "HTTP/1.1 no reuse", error: refused() };
    const target = targetResult({
      probeFailure,
      results: [],
      equality: undefined,
      firstAnswer: undefined,
      remoteAddress: undefined,
    });
    const json = toJson(comparisonOf(target), "1.2.3");
    expect(json.outcome).toBe("failed");
    expect(json.targets[0]).toMatchObject({
      network: "unknown",
      probeFailure: {
        code: "CONNECT_FAILED",
        phase: "connect",
        message: "Could not reach http://127.0.0.1:8080: connecting failed: connection refused.",
      },
      equality: null,
      answer: null,
      transports: [],
    });
  });

  it("is failed for one failure among the measured, for answers that differ, and interrupted before either", () => {
    const failing = targetResult({ results: [fresh, transportResult(kept, { failed: 1 })] });
    const equality = { verdict: "different", differences: [], varying: [], ignoredFields: [] } as const;
    const varying = { ...equality, verdict: "varies" } as const;
    expect(toJson(comparisonOf(failing), "1").outcome).toBe("failed");
    expect(toJson(comparisonOf(targetResult(), targetResult({ equality })), "1").outcome).toBe("failed");
    expect(toJson(comparisonOf(targetResult({ equality: varying })), "1").outcome).toBe("ok");
    expect(toJson({ ...comparisonOf(failing), interrupted: true }, "1").outcome).toBe("interrupted");
  });
});
