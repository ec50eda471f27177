import { describe, expect, it } from "vitest";
import { parsePoolOptions, type PoolOptions, timeoutsFor } from "../src/options.ts";

const defaults = { maxConnections: 64, idleTimeoutMs: 4_000 };

describe("the options of a pool", () => {
  it("are bounded by default", () => {
    expect(parsePoolOptions({}, defaults)).toEqual({
      maxConnections: 64,
      maxTotalConnections: 1_000,
      maxQueued: 1_000,
      timeouts: { queueMs: 10_000, connectMs: 10_000, headMs: 30_000, bodyGapMs: 30_000 },
      idleTimeoutMs: 4_000,
      maxAgeMs: 300_000,
      maxExchanges: 10_000,
      minConnections: 0,
      maxBodyBytes: 10 * 1024 * 1024,
      maxFields: 128,
    });
  });

  it("are what the caller says", () => {
    const options = {
      maxConnections: 1,
      maxTotalConnections: 2,
      maxQueued: 0,
      idleTimeoutMs: 0,
      maxAgeMs: Infinity,
      maxExchanges: Infinity,
      minConnections: 1,
      limits: { bodyBytes: 5, maxFields: 6 },
      timeouts: { headMs: 1 },
    };
    const { limits, timeouts, ...plain } = options;
    expect(parsePoolOptions(options, defaults)).toMatchObject({
      ...plain,
      maxBodyBytes: limits.bodyBytes,
      maxFields: limits.maxFields,
      timeouts: { ...timeouts, queueMs: 10_000 },
    });
  });

  it("cannot be changed afterwards", () => {
    const parsed = parsePoolOptions({ timeouts: { headMs: 1 } }, defaults);
    expect(Object.isFrozen(parsed)).toBe(true);
    expect(Object.isFrozen(parsed.timeouts)).toBe(true);
  });

  it("take undefined for not given", () => {
    const options = { maxQueued: undefined, timeouts: { headMs: undefined } } as unknown as PoolOptions;
    expect(parsePoolOptions(options, defaults)).toEqual(parsePoolOptions({}, defaults));
  });

  it.each([
    ["maxConnections", { maxConnections: 0 }],
    ["maxConnections", { maxConnections: 1.5 }],
    ["maxConnections", { maxConnections: Number.NaN }],
    ["maxConnections", { maxConnections: "4" }],
    ["maxTotalConnections", { maxTotalConnections: 0 }],
    ["maxQueued", { maxQueued: -1 }],
    ["maxExchanges", { maxExchanges: 0 }],
    ["minConnections", { minConnections: -1 }],
    ["idleTimeoutMs", { idleTimeoutMs: -1 }],
    ["maxAgeMs", { maxAgeMs: Number.NaN }],
    ["timeouts.headMs", { timeouts: { headMs: -1 } }],
    ["timeouts.totalMs", { timeouts: { totalMs: 5 } }],
    ["limits.bodyBytes", { limits: { bodyBytes: -1 } }],
    ["limits.maxFields", { limits: { maxFields: 1.5 } }],
  ])("throw a TypeError that names %s for %o", (name, options) => {
    const parse = (): unknown => parsePoolOptions(options as PoolOptions, defaults);
    expect(parse).toThrow(TypeError);
    expect(parse).toThrow(name);
  });
});

describe("the timeouts of one exchange", () => {
  const { timeouts } = parsePoolOptions({}, defaults);

  it("are the transport's where it has none", () => {
    expect(timeoutsFor(undefined, timeouts)).toBe(timeouts);
  });

  it("are its own where it has some", () => {
    expect(timeoutsFor({ headMs: 5 }, timeouts)).toEqual({ ...timeouts, headMs: 5 });
  });

  it("take undefined for not given", () => {
    expect(timeoutsFor({ headMs: undefined } as never, timeouts)).toEqual(timeouts);
  });
});
