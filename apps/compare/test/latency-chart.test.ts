import { describe, expect, it } from "vitest";
import { latencyAxis, latencyChart, spread } from "../src/latency-chart.ts";
import { fresh, kept, transportJson, transportResult } from "./fixed-comparison.ts";

describe("the axis of latencies", () => {
  it("goes from one round number to another, and has a tick at each", () => {
    expect(latencyAxis(0.3, 9)).toEqual({ least: 0.2, most: 10, ticks: [0.2, 0.5, 1, 2, 5, 10] });
    expect(latencyAxis(2, 5)).toEqual({ least: 2, most: 5, ticks: [2, 5] });
  });

  it("has some length even if all latencies are one", () => {
    expect(latencyAxis(3, 3)).toEqual({ least: 2, most: 5, ticks: [2, 5] });
    expect(latencyAxis(5, 5)).toEqual({ least: 5, most: 10, ticks: [5, 10] });
  });

  it("has ticks at powers of ten alone if it is long", () => {
    expect(latencyAxis(0.03, 400)).toEqual({ least: 0.02, most: 500, ticks: [0.1, 1, 10, 100] });
  });
});

describe("labels that are too close", () => {
  it("are moved apart in their order, and stay around where they were", () => {
    expect(spread([100, 10, 102], 16)).toEqual([95, 4, 113].map((place) => expect.closeTo(place, -1)));
    const [high = 0, , low = 0] = spread([100, 10, 102], 16);
    expect(low - high).toBeGreaterThanOrEqual(16);
  });

  it("stay if they are not", () => {
    expect(spread([10, 50, 90], 16)).toEqual([10, 50, 90]);
    expect(spread([], 16)).toEqual([]);
  });
});

describe("the latency chart", () => {
  it("has a labelled line for each transport that was answered, and says the same in words", () => {
    const silent = transportJson(transportResult({ name: "h2", title: "HTTP/2" }, { latencyCurve: [] }));
    const chart = latencyChart([transportJson(fresh), silent, transportJson(kept)], "id")?.markup ?? "";
    expect(chart.match(/<g class="series s\d"/g)).toEqual(['<g class="series s0"', '<g class="series s2"']);
    expect(chart).toContain(">HTTP/1.1 keep-alive</text>");
    expect(chart).toContain("HTTP/1.1 keep-alive: 0.50 ms at 50 percent, 1.25 at 90, 10.5 at 99.");
    expect(chart).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("is not there if nothing was answered", () => {
    const silent = transportJson(transportResult({ name: "h2", title: "HTTP/2" }, { latencyCurve: [] }));
    expect(latencyChart([silent], "id")).toBeUndefined();
  });
});
