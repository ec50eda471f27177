import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Liveness } from "../src/liveness.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setImmediate", "performance"] }));
afterEach(() => void vi.useRealTimers());

interface Watch {
  readonly liveness: Liveness;
  readonly seen: string[];
  readonly hear: () => void;
}

function watch(ping = { intervalMs: 1_000, timeoutMs: 500 }, owes = false): Watch {
  const seen: string[] = [];
  let heardAt = performance.now();
  const watched = {
    get heardAt() {
      return heardAt;
    },
    owes,
    ping: () => void seen.push("ping"),
    silent: (error: Error) => void seen.push(error.message),
  };
  return {
    liveness: new Liveness(watched, ping),
    seen,
    hear: () => {
      heardAt = performance.now();
    },
  };
}

const silent = "the peer did not answer a PING within 500 ms (ping.timeoutMs)";

describe("a peer that is silent while streams are open", () => {
  it("is asked, and given up if it does not answer", async () => {
    const { liveness, seen } = watch();
    liveness.streamOpened();
    await vi.advanceTimersByTimeAsync(1_001);
    expect(seen).toEqual(["ping"]);
    await vi.advanceTimersByTimeAsync(501);
    expect(seen).toEqual(["ping", silent]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is not asked as long as it is heard, whatever it says", async () => {
    const { liveness, seen, hear } = watch();
    liveness.streamOpened();
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(900);
      hear();
    }
    expect(seen).toEqual([]);
    liveness.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is given up after both times together, also where it has longer to answer than it may be silent", async () => {
    const { liveness, seen, hear } = watch({ intervalMs: 100, timeoutMs: 500 });
    liveness.streamOpened();
    for (let i = 1; i <= 5; i++) {
      await vi.advanceTimersByTimeAsync(101);
      hear();
      expect(seen).toEqual(Array.from({ length: i }, () => "ping"));
    }
    await vi.advanceTimersByTimeAsync(602);
    expect(seen.slice(5)).toEqual(["ping", silent]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("that answers late, but before the judgement, is alive", async () => {
    const { liveness, seen, hear } = watch();
    liveness.streamOpened();
    await vi.advanceTimersByTimeAsync(1_400);
    hear();
    await vi.advanceTimersByTimeAsync(900);
    expect(seen).toEqual(["ping"]);
    liveness.stop();
  });
});

describe("a connection without streams", () => {
  it("has no timer after the one that was running, and is watched anew with the next stream", async () => {
    const { liveness, seen } = watch();
    liveness.streamOpened();
    liveness.streamOpened();
    liveness.streamClosed();
    liveness.streamClosed();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(seen).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    liveness.streamOpened();
    await vi.advanceTimersByTimeAsync(1_001);
    expect(seen).toEqual(["ping"]);
    liveness.stop();
  });

  it("is asked all the same if its peer owed something and the last has ended unheard, until it is heard", async () => {
    const { liveness, seen, hear } = watch({ intervalMs: 1_000, timeoutMs: 500 }, true);
    liveness.streamOpened();
    await vi.advanceTimersByTimeAsync(300);
    liveness.streamClosed();
    await vi.advanceTimersByTimeAsync(701);
    expect(seen).toEqual(["ping"]);
    hear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([seen, vi.getTimerCount()]).toEqual([["ping"], 0]);
    for (let ended = 0; ended < 5; ended++) {
      liveness.streamOpened();
      await vi.advanceTimersByTimeAsync(300);
      liveness.streamClosed();
      await vi.advanceTimersByTimeAsync(1);
    }
    expect(seen).toEqual(["ping", "ping", silent]);
  });

  it("is never asked where the interval is infinite", async () => {
    const { liveness, seen } = watch({ intervalMs: Infinity, timeoutMs: 500 });
    liveness.streamOpened();
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect([seen, vi.getTimerCount()]).toEqual([[], 0]);
  });
});
