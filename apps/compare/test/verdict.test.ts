import { describe, expect, it } from "vitest";
import type { TransportJson } from "../src/report-json.ts";
import { bestOf, headsVerdictOf, verdictOf } from "../src/verdict.ts";
import {
  fresh as freshResult,
  kept as keptResult,
  multiplexed as multiplexedResult,
  transportJson,
  transportResult,
} from "./fixed-comparison.ts";

const [fresh, kept, multiplexed] = [freshResult, keptResult, multiplexedResult].map(transportJson) as [
  TransportJson,
  TransportJson,
  TransportJson,
];

function changed(...args: Parameters<typeof transportResult>): TransportJson {
  return transportJson(transportResult(...args));
}

describe("the verdict", () => {
  it("says how much more and how much less", () => {
    expect(verdictOf(fresh, kept)).toBe(
      "HTTP/1.1 keep-alive: 3.2 times the requests per second, 75% less CPU per request, 16 connections instead of 2,000.",
    );
    expect(verdictOf(kept, fresh)).toBe(
      "HTTP/1.1 no reuse: 0.3 times the requests per second, 300% more CPU per request, 2,000 connections instead of 16.",
    );
  });

  it("claims no speed if the rounds do not agree", () => {
    const [first, second] = fresh.rounds;
    if (first === undefined || second === undefined) throw new Error("there are two rounds");
    const mixed = changed(keptResult, {
      rounds: [
        { ...first, elapsedMs: 100 },
        { ...second, elapsedMs: 300 },
      ],
    });
    expect(verdictOf(fresh, mixed)).toContain(": no clear difference in requests per second, 75% less CPU");
  });

  it("says that two are alike", () => {
    expect(verdictOf(kept, changed(keptResult, { connections: 16 }))).toContain(
      "as much CPU per request, 16 connections like the baseline.",
    );
    expect(verdictOf(fresh, changed(keptResult, { connections: 1 }))).toContain("1 connection instead of 2,000.");
  });

  it("is silent if either was never answered", () => {
    const silent = changed(keptResult, { answered: 0 });
    expect([verdictOf(fresh, silent), verdictOf(silent, fresh)]).toEqual([undefined, undefined]);
  });
});

describe("the best", () => {
  it("is named for each column", () => {
    expect(bestOf([fresh, kept, multiplexed])).toBe(
      "Best: HTTP/2 in requests per second and in connections, HTTP/1.1 keep-alive in CPU.",
    );
  });

  it("is not named where rounds disagree or connections are as many", () => {
    const [first, second] = kept.rounds;
    if (first === undefined || second === undefined) throw new Error("there are two rounds");
    const rounds = [first, { ...second, elapsedMs: 40, cpuMicros: 90_000 }];
    const mixed = changed(multiplexedResult, { maxStreams: 4, connections: 16, rounds });
    expect(bestOf([fresh, kept, mixed])).toBe("Best: no clear winner.");
  });

  it("is not named where one sentence says it all, or no third was answered", () => {
    expect(bestOf([fresh, kept])).toBeUndefined();
    expect(bestOf([fresh, kept, changed(multiplexedResult, { answered: 0 })])).toBeUndefined();
  });
});

describe("the verdict about heads", () => {
  const heads = { exchanges: 10, sentBytes: 50, receivedBytes: 100, sentTextBytes: 500, receivedTextBytes: 1_500 };

  it("holds what went over the wire against text, both directions together", () => {
    expect(headsVerdictOf({ ...multiplexed, heads })).toBe(
      "HTTP/2: 15 bytes of head per request; as HTTP/1.1 text the same fields take 200, so HPACK saves 93%.",
    );
  });

  it("is silent where nothing was counted or nothing is compressed", () => {
    expect(headsVerdictOf({ ...multiplexed, heads: { ...heads, exchanges: 0 } })).toBeUndefined();
    expect(headsVerdictOf(multiplexed)).toBeUndefined();
    expect(headsVerdictOf({ ...kept, heads })).toBeUndefined();
  });
});
