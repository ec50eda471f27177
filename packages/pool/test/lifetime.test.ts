import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dialHoldMs, exchangesLeft, idleLimitMs, jitteredAgeMs } from "../src/lifetime.ts";

describe("how long a connection may sit idle", () => {
  it.each([
    ["the server says nothing", 4_000, undefined, 4_000],
    ["the server says only how many exchanges it takes", 4_000, { max: 5 }, 4_000],
    ["the server says more than our own", 4_000, { timeoutMs: 60_000 }, 4_000],
    ["the server says 5 s: a second less", 10_000, { timeoutMs: 5_000 }, 4_000],
    ["the server says 2 s: a second less", 10_000, { timeoutMs: 2_000 }, 1_000],
    ["the server says 1 s: half of it", 10_000, { timeoutMs: 1_000 }, 500],
    ["the server says 0", 10_000, { timeoutMs: 0 }, 0],
  ])("when %s", (_, own, hint, expected) => {
    expect(idleLimitMs(own, hint)).toBe(expected);
  });

  it("is always over before the server's time is", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1 }), (own, timeoutMs) => {
        expect(idleLimitMs(own, { timeoutMs })).toBeLessThan(timeoutMs);
        expect(idleLimitMs(own, { timeoutMs })).toBeLessThanOrEqual(own);
      }),
    );
  });
});

describe("the age at which a connection is replaced", () => {
  it("is the limit or up to a fifth earlier", () => {
    expect(jitteredAgeMs(100, 0)).toBe(100);
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (maxAgeMs, random) => {
        const age = jitteredAgeMs(maxAgeMs, random);
        expect(age).toBeLessThanOrEqual(maxAgeMs);
        expect(age).toBeGreaterThanOrEqual(maxAgeMs * 0.8);
      }),
    );
  });

  it("is never reached where there is no limit", () => {
    expect(jitteredAgeMs(Infinity, 0.5)).toBe(Infinity);
  });
});

describe("how many exchanges a connection still takes", () => {
  it.each([
    ["our own limit less what it has carried", 3, 10, undefined, 0, 7],
    ["none at the limit", 10, 10, undefined, 0, 0],
    ["what the server says, counted from when it said so", 3, 10, { max: 4 }, 2, 3],
    ["our own limit where the server takes more", 3, 10, { max: 100 }, 3, 7],
    ["without an end where nobody sets one", 3, Infinity, { timeoutMs: 5 }, 0, Infinity],
  ])("is %s", (_, served, max, hint, servedAtHint, expected) => {
    expect(exchangesLeft(served, max, hint, servedAtHint)).toBe(expected);
  });
});

describe("the wait before another dial", () => {
  it("doubles its bound with each failure, up to five seconds", () => {
    expect([1, 2, 3, 6, 10, 1_000].map((failures) => dialHoldMs(failures, 1))).toEqual([
      200, 400, 800, 5_000, 5_000, 5_000,
    ]);
  });

  it("is anywhere below the bound", () => {
    expect(dialHoldMs(3, 0)).toBe(0);
    expect(dialHoldMs(3, 0.5)).toBe(400);
  });
});
