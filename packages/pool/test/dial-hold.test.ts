import type { TransportError } from "@holdfast/transport";
import { parseTarget } from "@holdfast/transport";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DialHold } from "../src/dial-hold.ts";
import { dialError } from "./fake-driver.ts";

const error: TransportError = dialError(parseTarget("http://a.example"));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  vi.advanceTimersByTime(1_000);
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("the hold after a failed dial", () => {
  it("is there for a while, longer after each failure, and says when it ends", () => {
    const ended = vi.fn<() => void>();
    const hold = new DialHold(ended);
    expect(hold.leftMs).toBe(0);
    hold.failed(error);
    expect(hold.leftMs).toBe(100);
    hold.failed(error);
    expect(hold.leftMs).toBe(200);
    vi.advanceTimersByTime(199);
    expect(ended).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ended).toHaveBeenCalledOnce();
    expect(hold.leftMs).toBe(0);
  });

  it("ends with a dial that succeeds, and starts small again", () => {
    const ended = vi.fn<() => void>();
    const hold = new DialHold(ended);
    hold.failed(error);
    hold.opened();
    expect([hold.leftMs, vi.getTimerCount(), hold.errorFor(0)]).toEqual([0, 0, undefined]);
    hold.failed(error);
    expect(hold.leftMs).toBe(100);
  });

  it("keeps those waiting who are there while it lasts, or were there when the dial failed, and no other", () => {
    const hold = new DialHold(() => {});
    hold.failed(error);
    vi.advanceTimersByTime(50);
    expect(hold.errorFor(performance.now())).toBe(error);
    vi.advanceTimersByTime(50);
    expect([hold.errorFor(1_000), hold.errorFor(1_001)]).toEqual([error, undefined]);
  });
});
