import { describe, expect, it } from "vitest";
import { backoffMs, parseBackoff } from "../src/backoff.ts";

const defaults = parseBackoff();

describe("the wait before another connection", () => {
  it("is none before the first failure", () => {
    expect(backoffMs(0, defaults, 1)).toBe(0);
  });

  it("has a bound of 100 ms that grows by 1.6 up to 30 s", () => {
    const bounds = [1, 2, 3, 4, 12, 13, 14, 1_000_000].map((failures) => Math.round(backoffMs(failures, defaults, 1)));
    expect(bounds).toEqual([100, 160, 256, 410, 17_592, 28_147, 30_000, 30_000]);
  });

  it("is uniform between nothing and the bound: full jitter", () => {
    const draws = 40_000;
    const tenths = Array.from({ length: 10 }, () => 0);
    let sum = 0;
    for (let i = 0; i < draws; i++) {
      const ms = backoffMs(3, defaults, Math.random());
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThan(256);
      tenths[Math.floor(ms / 25.6)]!++;
      sum += ms;
    }
    // Chi-square with 9 degrees of freedom is above 45 once in a million.
    const expected = draws / 10;
    const chiSquare = tenths.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(45);
    expect(sum / draws).toBeGreaterThan(126);
    expect(sum / draws).toBeLessThan(130);
  });

  it("can be set", () => {
    expect(backoffMs(2, parseBackoff({ minMs: 10, factor: 3, maxMs: 1_000 }), 0.5)).toBe(15);
    expect(backoffMs(5, parseBackoff({ minMs: 0 }), 1)).toBe(0);
  });

  it.each([
    [{ minMs: -1 }, "reconnect.minMs"],
    [{ minMs: "1" }, "reconnect.minMs"],
    [{ factor: 0.5 }, "reconnect.factor"],
    [{ maxMs: Number.NaN }, "reconnect.maxMs"],
  ])("refuses %j and names it", (backoff, name) => {
    expect(() => parseBackoff(backoff as never)).toThrow(new RegExp(`^${name.replace(".", "\\.")} is not`));
  });
});
