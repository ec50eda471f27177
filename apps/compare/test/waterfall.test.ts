import { describe, expect, it } from "vitest";
import type { ExchangeJson } from "../src/report-json.ts";
import { endOf, spansOf, timeTicks, waterfall } from "../src/waterfall.ts";
import { kept, transportJson } from "./fixed-comparison.ts";

const nothing: ExchangeJson = {
  connection: 0,
  startedMs: 0,
  queuedMs: 0,
  resolvedMs: null,
  connectedMs: null,
  securedMs: null,
  readyMs: null,
  sentMs: null,
  firstByteMs: 1,
  endMs: null,
};

describe("the phases of an exchange", () => {
  it("follow each other without a gap, from its start on", () => {
    const phases = {
      queuedMs: 1,
      resolvedMs: 2,
      connectedMs: 3,
      securedMs: 6,
      readyMs: 7,
      sentMs: 8,
      firstByteMs: 10,
      endMs: 11,
    };
    expect(spansOf({ ...nothing, ...phases, startedMs: 100 })).toEqual([
      { phase: "queue", fromMs: 100, toMs: 101 },
      { phase: "connect", fromMs: 101, toMs: 103 },
      { phase: "tls", fromMs: 103, toMs: 106 },
      { phase: "setup", fromMs: 106, toMs: 107 },
      { phase: "wait", fromMs: 107, toMs: 110 },
      { phase: "body", fromMs: 110, toMs: 111 },
    ]);
  });

  it("are those that happened", () => {
    expect(spansOf({ ...nothing, queuedMs: 2, firstByteMs: 5, endMs: 5 })).toEqual([
      { phase: "queue", fromMs: 0, toMs: 2 },
      { phase: "wait", fromMs: 2, toMs: 5 },
    ]);
    expect(spansOf(nothing)).toEqual([{ phase: "wait", fromMs: 0, toMs: 1 }]);
  });
});

describe("the end of exchanges", () => {
  it("is that of the last one", () => {
    expect(
      endOf([
        { ...nothing, startedMs: 3, endMs: 4 },
        { ...nothing, startedMs: 5 },
      ]),
    ).toBe(7);
    expect(endOf([])).toBe(0);
  });
});

describe("the ticks of time", () => {
  it.each([
    [3, [0, 1, 2, 3]],
    [59.3, [0, 10, 20, 30, 40, 50]],
    [0.7, [0, 0.2, 0.4, 0.6]],
    [1_000, [0, 200, 400, 600, 800, 1_000]],
  ])("up to %d ms are %j", (endMs, ticks) => {
    expect(timeTicks(endMs)).toEqual(ticks);
  });
});

describe("the waterfall", () => {
  it("has a row for each exchange and a mark for each connection, and says so in words", () => {
    const transport = transportJson(kept);
    const [first] = transport.firstExchanges;
    if (first === undefined) throw new Error("there is one");
    const firstExchanges = [first, { ...first, startedMs: 5 }, { ...first, connection: 1 }];
    const { markup } = waterfall({ ...transport, firstExchanges }, 1, 100, "id");
    expect(markup.match(/<rect class="wait"/g)).toHaveLength(3);
    expect(markup.match(/<rect class="connection" x="0"/g)).toHaveLength(2);
    expect(markup).toContain("3 exchanges on 2 connections, done after 9.50 ms");
    expect(markup).not.toMatch(/NaN|Infinity|undefined/);
  });
});
