import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Expiring, Watch } from "../src/watch.ts";

class Item implements Expiring {
  expiresAt: number;
  watchSlot = -1;
  readonly expired: number[] = [];
  onExpire: () => void = () => {};

  constructor(inMs: number) {
    this.expiresAt = performance.now() + inMs;
  }

  expire(now: number): void {
    this.expired.push(now);
    this.expiresAt = Infinity;
    this.onExpire();
  }
}

describe("a watch", () => {
  let watch: Watch<Item>;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    watch = new Watch();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  function watched(inMs: number): Item {
    const item = new Item(inMs);
    watch.add(item);
    return item;
  }

  it("expires each item once, when its time has come and not before", () => {
    const [late, early] = [watched(100), watched(50)];
    vi.advanceTimersByTime(49);
    expect(early.expired).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(early.expired).toHaveLength(1);
    expect(late.expired).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect([early.expired.length, late.expired.length]).toEqual([1, 1]);
  });

  it("needs one timer for any number of items", () => {
    for (let i = 0; i < 100; i++) watched(1_000 - i);
    expect(vi.getTimerCount()).toBe(1);
  });

  it("needs no timer for items that never expire", () => {
    watched(Infinity);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("follows an item whose time comes nearer", () => {
    const item = watched(10_000);
    item.expiresAt = performance.now() + 10;
    watch.note(item);
    vi.advanceTimersByTime(10);
    expect(item.expired).toHaveLength(1);
  });

  it("follows an item whose time moves on without being told", () => {
    const item = watched(10);
    item.expiresAt += 100;
    vi.advanceTimersByTime(60);
    expect(item.expired).toEqual([]);
    vi.advanceTimersByTime(60);
    expect(item.expired).toHaveLength(1);
  });

  it("forgets what is deleted, also while others expire", () => {
    const items = Array.from({ length: 5 }, () => watched(10));
    const [first, , third] = items as [Item, Item, Item];
    first.onExpire = () => watch.delete(third);
    watch.delete(items[4] as Item);
    watch.delete(items[4] as Item);
    vi.advanceTimersByTime(10);
    expect(items.map((item) => item.expired.length)).toEqual([1, 1, 0, 1, 0]);
    expect(watch.size).toBe(3);
  });

  it("takes an item that another one adds as it expires", () => {
    const first = watched(10);
    let second: Item | undefined;
    first.onExpire = () => {
      second = watched(1);
    };
    vi.advanceTimersByTime(10);
    vi.advanceTimersByTime(15);
    expect(second?.expired).toHaveLength(1);
  });

  it("serves expiries that follow each other closely with few wake-ups", () => {
    for (let i = 0; i < 100; i++) watched(10 + i / 10);
    let wakes = 0;
    for (let ms = 0; ms < 40; ms++) {
      const before = watch.items().filter((item) => item.expiresAt === Infinity).length;
      vi.advanceTimersByTime(1);
      if (watch.items().filter((item) => item.expiresAt === Infinity).length > before) wakes++;
    }
    expect(wakes).toBeLessThanOrEqual(3);
    expect(watch.items().every((item) => item.expired.length === 1)).toBe(true);
  });

  it("waits for a moment that is farther away than a timer can wait", () => {
    const days30 = 30 * 24 * 3_600_000;
    const item = watched(days30);
    vi.advanceTimersByTime(60_000);
    expect(item.expired).toEqual([]);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersToNextTimer();
    expect(performance.now()).toBeGreaterThanOrEqual(2 ** 31 - 1);
    vi.advanceTimersToNextTimer();
    expect(item.expired).toHaveLength(1);
  });

  it("has no timer after it was stopped, and starts again with the next item", () => {
    watched(10);
    watch.stop();
    expect(vi.getTimerCount()).toBe(0);
    watched(20);
    expect(vi.getTimerCount()).toBe(1);
  });

  it("keeps the process alive only while it is held", () => {
    const spy = vi.spyOn(globalThis, "setTimeout");
    watched(1_000);
    const timer = spy.mock.results[0]?.value as NodeJS.Timeout;
    expect(timer.hasRef()).toBe(false);
    watch.hold();
    watch.hold();
    watch.release();
    expect(timer.hasRef()).toBe(true);
    watch.release();
    expect(timer.hasRef()).toBe(false);
    spy.mockRestore();
  });
});
