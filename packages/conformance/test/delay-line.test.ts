import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DelayLine } from "../src/hostile/delay-line.ts";

const text = (chunk: Uint8Array | undefined): string => (chunk === undefined ? "end" : Buffer.from(chunk).toString());

describe("a delay line", () => {
  let delivered: string[];
  let line: DelayLine;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    delivered = [];
    line = new DelayLine((chunk) => delivered.push(text(chunk)));
  });
  afterEach(() => void vi.useRealTimers());

  const push = (what: string, inMs: number): void => line.push(Buffer.from(what), performance.now() + inMs);

  it("delivers each chunk, and the end, when it is due", () => {
    push("a", 10);
    push("b", 20);
    line.push(undefined, performance.now() + 30);
    vi.advanceTimersByTime(9);
    expect(delivered).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(delivered).toEqual(["a"]);
    vi.advanceTimersByTime(20);
    expect(delivered).toEqual(["a", "b", "end"]);
  });

  it("lets nothing be overtaken by what is due earlier", () => {
    push("a", 10);
    push("b", 0);
    expect(delivered).toEqual([]);
    vi.advanceTimersByTime(10);
    expect(delivered).toEqual(["a", "b"]);
  });

  it("delivers at once what is due at once, without a timer", () => {
    push("a", 0);
    expect(delivered).toEqual(["a"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("holds everything back while it is paused, and has no timer then", () => {
    push("a", 10);
    line.pause();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(50);
    expect([delivered, line.heldBytes]).toEqual([[], 1]);
    line.resume();
    expect([delivered, line.heldBytes]).toEqual([["a"], 0]);
  });

  it("forgets what it holds when it is cleared", () => {
    push("a", 10);
    line.clear();
    vi.advanceTimersByTime(10);
    expect([delivered, line.heldBytes, vi.getTimerCount()]).toEqual([[], 0, 0]);
  });
});
