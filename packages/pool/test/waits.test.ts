import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Waits } from "../src/waits.ts";
import { dialError, type FakeDial } from "./fake-driver.ts";
import { call, newPool, turn, url } from "./pool-fixture.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  vi.advanceTimersByTime(1_000);
});

afterEach(() => {
  vi.useRealTimers();
});

/** As a dial fails that has reached its own limit. */
async function late(dial: FakeDial): Promise<void> {
  dial.fail(dialError(dial.target, "CONNECT_TIMEOUT"));
  await turn();
}

describe("the waits of an exchange", () => {
  it("have one limit for all waits for a lease, and one for all waits for a dial", () => {
    const waits = new Waits();
    expect(waits.queued(0, 100)).toBe(100);
    expect(waits.dialEndsAt(50)).toBe(Infinity);
    expect(waits.covered(30, 50)).toBe(50);
    expect(waits.dialEndsAt(50)).toBe(80);
    expect(waits.queued(40, 100)).toBe(70);
    expect(waits.covered(60, 50)).toBe(40);
    expect(waits.dialEndsAt(50)).toBe(100);
    expect(waits.queued(70, 100)).toBe(50);
  });
});

describe("a dial that failed", () => {
  it("costs nobody anything where another is under way for who waits", async () => {
    const { pool, driver } = newPool();
    const gone = new AbortController();
    call(pool, { signal: gone.signal });
    const patient = call(pool);
    gone.abort();
    const [first, second] = driver.pending;
    first?.fail();
    await turn();
    expect(patient.settled).toBe(false);
    expect(driver.dials).toHaveLength(2);
    second?.fail();
    await turn();
    expect(patient.error).toMatchObject({ code: "CONNECT_FAILED" });
  });

  it("has as long as the exchange allows that it is made for", () => {
    const { pool, driver } = newPool({ timeouts: { connectMs: 300 } });
    call(pool);
    call(pool, { timeouts: { connectMs: 2_000 } });
    call(pool, { timeouts: { connectMs: 100 } });
    expect(driver.pending.map(({ timeoutMs }) => timeoutMs)).toEqual([300, 2_000]);
  });

  it.each([false, true])(
    "because it took too long is followed by another for who may wait longer (multiplexed: %s)",
    async (multiplexed) => {
      const { pool, driver } = newPool({ timeouts: { connectMs: 400 }, multiplexed });
      pool.warm(url).catch(() => {});
      vi.advanceTimersByTime(350);
      const one = call(pool);
      vi.advanceTimersByTime(50);
      await late(driver.last);
      expect(one.settled).toBe(false);
      expect(driver.pending).toHaveLength(1);
      vi.advanceTimersByTime(350);
      await turn();
      expect(one.error).toMatchObject({ code: "CONNECT_TIMEOUT", delivery: "not-sent" });
    },
  );

  it("because it took too long is not followed by another for who has waited as long", async () => {
    const { pool, driver } = newPool({ timeouts: { connectMs: 400 } });
    const one = call(pool);
    vi.advanceTimersByTime(399);
    await late(driver.last);
    expect(one.error).toMatchObject({ code: "CONNECT_TIMEOUT" });
    expect(driver.dials).toHaveLength(1);
  });
});

describe("a driver that puts no limit on exchanges", () => {
  it("has a queue with a limit all the same", async () => {
    const { pool, driver } = newPool({
      multiplexed: true,
      maxQueued: 2,
      maxConnections: 1,
      timeouts: { queueMs: 100 },
    });
    driver.expectedCapacity = Infinity;
    call(pool);
    driver.last.open(1);
    await turn();
    const others = Array.from({ length: 5 }, () => call(pool));
    await turn();
    expect(others.map(({ error }) => error?.code)).toEqual([
      undefined,
      undefined,
      "QUEUE_FULL",
      "QUEUE_FULL",
      "QUEUE_FULL",
    ]);
    vi.advanceTimersByTime(200);
    await turn();
    expect(others.slice(0, 2).map(({ error }) => error?.code)).toEqual(["QUEUE_TIMEOUT", "QUEUE_TIMEOUT"]);
  });
});
