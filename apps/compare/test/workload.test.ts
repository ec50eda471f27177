import { setImmediate } from "node:timers/promises";
import type { Transport, TransportRequest, TransportResponse } from "@holdfast/transport";
import { describe, expect, it, vi } from "vitest";
import { requestOf, roundSizes, runClosedLoop, StalledError, warmUpSize } from "../src/workload.ts";

/** Answers each exchange a turn later, and keeps count. */
function countingTransport(failEvery: number = Infinity): {
  transport: Transport;
  counts: { most: number; all: number };
} {
  const counts = { most: 0, all: 0 };
  let running = 0;
  const request = async (): Promise<TransportResponse> => {
    counts.all += 1;
    counts.most = Math.max(counts.most, ++running);
    await setImmediate();
    running -= 1;
    if (counts.all % failEvery === 0) throw new Error("no");
    return { body: { bytes: async () => new Uint8Array(3) } } as unknown as TransportResponse;
  };
  return { transport: { request } as unknown as Transport, counts };
}

const request: TransportRequest = { url: "http://a.example/" };

describe("the rounds", () => {
  it.each([
    [2_000, [500, 500, 500, 500]],
    [10, [3, 3, 2, 2]],
    [2, [1, 1]],
    [1, [1]],
  ])("of %d requests are %j", (requests, sizes) => {
    expect(roundSizes(requests)).toEqual(sizes);
  });
});

describe("the warm-up", () => {
  it("is a quarter of the requests, at least one and at most 500", () => {
    expect([1, 60, 2_000, 1_000_000].map(warmUpSize)).toEqual([1, 15, 500, 500]);
  });
});

describe("the request", () => {
  it("has a deadline that no timeout reaches first", () => {
    const workload = { method: "GET", headers: {}, body: undefined, requests: 1, concurrency: 1, timeoutMs: 100_000 };
    expect(requestOf(workload, "http://a.example/")).toMatchObject({ method: "GET", body: null, deadlineMs: 400_000 });
  });
});

describe("a closed loop", () => {
  it("sends the count, never more at a time than there are workers", async () => {
    const { transport, counts } = countingTransport();
    let answered = 0;
    await runClosedLoop(
      transport,
      request,
      { count: 50, concurrency: 4, maxSilenceMs: undefined },
      {
        answered: (_, body) => (answered += body.byteLength),
        failed: (error) => expect.unreachable(String(error)),
        done: false,
      },
    );
    expect({ ...counts, answered }).toEqual({ most: 4, all: 50, answered: 150 });
  });

  it("goes on after a failure", async () => {
    const { transport, counts } = countingTransport(10);
    let failed = 0;
    const observer = { answered: () => undefined, failed: () => void (failed += 1), done: false };
    await runClosedLoop(transport, request, { count: 50, concurrency: 1, maxSilenceMs: undefined }, observer);
    expect({ all: counts.all, failed }).toEqual({ all: 50, failed: 5 });
  });

  it("starts nothing more once it is done", async () => {
    const { transport, counts } = countingTransport();
    const observer = {
      answered: () => undefined,
      failed: () => undefined,
      get done() {
        return counts.all >= 20;
      },
    };
    await runClosedLoop(transport, request, { count: 1_000, concurrency: 4, maxSilenceMs: undefined }, observer);
    expect(counts.all).toBe(20);
  });

  it("gives a transport up that has answered and then falls silent", async () => {
    const { transport } = countingTransport();
    let asked = 0;
    const silent = {
      request: () => (++asked > 3 ? new Promise(() => {}) : transport.request(request)),
    } as unknown as Transport;
    const counts = { answered: 0, failures: [] as unknown[] };
    const observer = {
      answered: () => void (counts.answered += 1),
      failed: (error: unknown) => void counts.failures.push(error),
      done: false,
    };
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const loop = runClosedLoop(silent, request, { count: 10, concurrency: 2, maxSilenceMs: 20 }, observer);
      while (asked < 5) await setImmediate();
      vi.advanceTimersByTime(20 + 20);
      await loop;
    } finally {
      vi.useRealTimers();
    }
    expect({ asked, answered: counts.answered }).toEqual({ asked: 5, answered: 3 });
    expect(counts.failures).toEqual([new StalledError(20), new StalledError(20)]);
  });
});
