import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { call, current, type Fixture, newPool, turn, url, usedConnection } from "./pool-fixture.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** One connection, which is busy for as long as nobody answers. */
async function busyPool(options: Parameters<typeof newPool>[0] = {}): Promise<Fixture> {
  const fixture = newPool({ maxConnections: 1, ...options });
  call(fixture.pool);
  fixture.driver.last.open();
  await turn();
  return fixture;
}

describe("a request", () => {
  it("dials where nothing is open, and runs when the connection is there", async () => {
    const { pool, driver } = newPool();
    const one = call(pool);
    expect(pool.stats().connections.connecting).toBe(1);
    driver.last.open();
    await turn();
    current(driver).answer(204);
    await turn();
    expect(one.response).toMatchObject({
      status: 204,
      connection: { origin: "http://a.example", protocol: "fake", reused: false, exchangeIndex: 0, remotePort: 1 },
    });
  });

  it("uses the connection that is free, the one used last first", async () => {
    const fixture = newPool();
    const { pool, driver } = fixture;
    call(pool);
    call(pool);
    const [one, two] = driver.dials.map((dial) => dial.open());
    await turn();
    two?.running[0]?.answer();
    one?.running[0]?.answer();
    const third = call(pool);
    expect(one?.running).toHaveLength(1);
    one?.running[0]?.answer();
    await turn();
    expect(third.response?.connection).toMatchObject({ reused: true, exchangeIndex: 1 });
    expect(driver.dials).toHaveLength(2);
  });

  it("is not tied to the dial that it caused", async () => {
    const { pool, driver } = newPool();
    call(pool);
    driver.last.open();
    await turn();
    const second = call(pool);
    expect(driver.pending).toHaveLength(1);
    current(driver).answer();
    current(driver).answer();
    await turn();
    expect(second.response?.connection.reused).toBe(true);
  });

  it("spreads over multiplexed connections by their load", async () => {
    const { pool, driver } = newPool({ multiplexed: true });
    call(pool);
    call(pool);
    call(pool);
    expect(driver.pending).toHaveLength(1);
    driver.last.open(2);
    await turn();
    driver.last.open(2);
    await turn();
    call(pool);
    expect(driver.connections.map((one) => one.running.length)).toEqual([2, 2]);
  });

  it("that could never be sent rejects with a TypeError and counts nowhere", async () => {
    const { pool, driver } = newPool();
    await expect(pool.request({ url: "/relative" })).rejects.toThrow(TypeError);
    expect(driver.dials).toEqual([]);
    expect(pool.stats().totals.exchangesStarted).toBe(0);
  });

  it("that the adapter cannot carry rejects before anything is queued", async () => {
    const { pool, driver } = newPool({}, () => {
      throw new RangeError("no");
    });
    await expect(pool.request({ url })).rejects.toThrow(RangeError);
    expect(driver.dials).toEqual([]);
  });

  it("whose signal has fired before is not begun", async () => {
    const { pool, driver } = newPool();
    const signal = AbortSignal.abort("early");
    const one = call(pool, { signal });
    await turn();
    expect(one.error).toMatchObject({ code: "ABORTED", cause: "early", delivery: "not-sent", phase: "queue" });
    expect(driver.dials).toEqual([]);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("without time is not begun", async () => {
    const { pool, driver } = newPool();
    const one = call(pool, { deadlineMs: 0 });
    await turn();
    expect(one.error).toMatchObject({ code: "DEADLINE_EXCEEDED", delivery: "not-sent" });
    expect(driver.dials).toEqual([]);
  });
});

describe("the queue", () => {
  it("is first in, first out", async () => {
    const { pool, driver } = await busyPool();
    const order: number[] = [];
    for (const n of [1, 2, 3]) void pool.request({ url }).then(() => order.push(n));
    while (order.length < 3) {
      current(driver).answer();
      await turn();
    }
    expect(order).toEqual([1, 2, 3]);
  });

  it("says QUEUE_FULL at once to the one that comes after maxQueued others", async () => {
    const { pool } = await busyPool({ maxQueued: 10_000 });
    const waiting = Array.from({ length: 10_000 }, () => call(pool));
    const late = call(pool);
    await Promise.resolve();
    await Promise.resolve();
    expect(late.error).toMatchObject({ code: "QUEUE_FULL", delivery: "not-sent", phase: "queue", reused: false });
    expect(late.error?.message).toContain("maxQueued");
    expect(waiting.some((one) => one.settled)).toBe(false);
    expect(pool.stats().exchanges).toEqual({ queued: 10_000, inFlight: 1 });
  });

  it("of length 0 fails fast, yet lets those wait for whom a dial is under way", async () => {
    const { pool, driver } = newPool({ maxConnections: 1, maxQueued: 0 });
    const [one, two] = [call(pool), call(pool)];
    await turn();
    expect(one.settled).toBe(false);
    expect(two.error?.code).toBe("QUEUE_FULL");
    driver.last.open();
    await turn();
    current(driver).answer();
    await turn();
    expect(one.response?.status).toBe(200);
  });

  it("lets a waiter go in the turn in which it gives up, and loses no place", async () => {
    const { pool, driver } = await busyPool();
    const controller = new AbortController();
    const [first, second] = [call(pool, { signal: controller.signal }), call(pool)];
    controller.abort("bored");
    await Promise.resolve();
    await Promise.resolve();
    expect(first.error).toMatchObject({ code: "ABORTED", cause: "bored", phase: "queue", delivery: "not-sent" });
    expect(pool.stats().exchanges.queued).toBe(1);
    current(driver).answer();
    current(driver).answer();
    await turn();
    expect(second.response?.status).toBe(200);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("empties when all who wait give up together, and the pool goes on", async () => {
    const { pool, driver } = await busyPool();
    const controller = new AbortController();
    const waiting = Array.from({ length: 50 }, () => call(pool, { signal: controller.signal }));
    controller.abort();
    await turn();
    expect(waiting.every((one) => one.error?.code === "ABORTED")).toBe(true);
    expect(pool.stats().exchanges.queued).toBe(0);
    current(driver).answer();
    const next = call(pool);
    current(driver).answer();
    await turn();
    expect(next.response?.status).toBe(200);
  });

  it("has a time limit that names timeouts.queueMs", async () => {
    const { pool } = await busyPool();
    const one = call(pool, { timeouts: { queueMs: 50 } });
    vi.advanceTimersByTime(49);
    await turn();
    expect(one.settled).toBe(false);
    vi.advanceTimersByTime(6);
    await turn();
    expect(one.error).toMatchObject({ code: "QUEUE_TIMEOUT", phase: "queue", delivery: "not-sent" });
    expect(one.error?.message).toContain("50 ms (timeouts.queueMs)");
    expect(one.error?.elapsedMs).toBeGreaterThanOrEqual(50);
  });

  it("is subject to the deadline, whose message names deadlineMs", async () => {
    const { pool } = await busyPool();
    const one = call(pool, { deadlineMs: 30 });
    vi.advanceTimersByTime(36);
    await turn();
    expect(one.error).toMatchObject({ code: "DEADLINE_EXCEEDED", phase: "queue", delivery: "not-sent" });
    expect(one.error?.message).toContain("30 ms (deadlineMs)");
  });

  it("counts on between dials that fail, and its error then has the last of them", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const { pool, driver } = await busyPool({ maxConnections: 2 });
    const before = performance.now();
    const one = call(pool, { timeouts: { queueMs: 1_000 } });
    for (let passedMs = 0; passedMs < 3_000 && !one.settled; passedMs++) {
      vi.advanceTimersByTime(1);
      for (const dial of driver.pending) dial.fail();
      await turn();
    }
    const failed = driver.dials.filter((dial) => dial.state === "failed").length;
    expect(failed).toBeGreaterThan(3);
    // Its own wake-up may come 5 ms late; each dial took one.
    expect(performance.now() - before).toBeLessThanOrEqual(1_005 + failed);
    expect(one.error).toMatchObject({
      code: "QUEUE_TIMEOUT",
      phase: "queue",
      delivery: "not-sent",
      cause: { code: "CONNECT_FAILED" },
    });
    expect(one.error?.message).toContain("1000 ms (timeouts.queueMs); the last dial failed: no connection to");
  });

  it("does not blame a dial that failed before another succeeded, nor one before the call", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    const { pool, driver } = await busyPool({ maxConnections: 2 });
    const two = call(pool, { timeouts: { queueMs: Infinity } });
    driver.last.fail();
    await turn();
    vi.advanceTimersByTime(105);
    driver.last.open();
    await turn();
    const late = call(pool, { timeouts: { queueMs: 50 } });
    vi.advanceTimersByTime(55);
    await turn();
    expect(two.settled).toBe(false);
    expect(late.error).toMatchObject({ code: "QUEUE_TIMEOUT" });
    expect(late.error?.cause).toBeUndefined();
  });

  it("counts each attempt anew, but not the wait for a dial that opened", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 1 });
    call(pool);
    const waiting = call(pool, { timeouts: { queueMs: 50, connectMs: 1_000 } });
    vi.advanceTimersByTime(500);
    driver.last.open(1);
    await turn();
    vi.advanceTimersByTime(44);
    await turn();
    current(driver).answer();
    expect(driver.running).toHaveLength(1);
    current(driver).refuse();
    vi.advanceTimersByTime(44);
    current(driver).answer();
    await turn();
    expect(waiting.response?.status).toBe(200);
  });

  it("takes one that is put back for waiting on a dial if one is under way for it", async () => {
    const { pool, driver } = await busyPool({ maxConnections: 2 });
    current(driver).answer();
    const one = call(pool, { timeouts: { queueMs: 10, connectMs: 1_000 } });
    call(pool);
    vi.advanceTimersByTime(100);
    current(driver).connection.lose();
    vi.advanceTimersByTime(100);
    await turn();
    expect([one.settled, driver.pending.length]).toEqual([false, 2]);
    driver.pending[0]?.open();
    await turn();
    current(driver).answer();
    await turn();
    expect(one.response?.status).toBe(200);
  });

  it("does not count the wait for a dial: that limit is timeouts.connectMs", async () => {
    const { pool, driver } = newPool();
    const one = call(pool, { timeouts: { queueMs: 10, connectMs: 100 } });
    driver.last.phase = "secure";
    vi.advanceTimersByTime(99);
    await turn();
    expect(one.settled).toBe(false);
    vi.advanceTimersByTime(6);
    await turn();
    expect(one.error).toMatchObject({ code: "CONNECT_TIMEOUT", phase: "secure", delivery: "not-sent" });
    expect(one.error?.message).toContain("100 ms (timeouts.connectMs)");
    expect(driver.pending).toEqual([]);
  });
});

describe("connections of several origins", () => {
  const origins = ["http://a.example", "http://b.example", "http://c.example"];

  it("share one place without starving anybody, while each goes on asking", async () => {
    const { pool, driver } = newPool({ maxTotalConnections: 1, maxConnections: 1 });
    const served = new Map(origins.map((origin) => [origin, 0]));
    const ask = (origin: string): void => {
      const again = (): void => {
        served.set(origin, (served.get(origin) ?? 0) + 1);
        if (!pool.closing) ask(origin);
      };
      pool.request({ url: origin, deadlineMs: Infinity, timeouts: { queueMs: Infinity } }).then(again, () => {});
    };
    for (const origin of origins) for (let i = 0; i < 5; i++) ask(origin);
    for (let round = 0; round < 90; round++) {
      for (const dial of driver.pending) dial.open();
      for (const attempt of driver.running) attempt.answer();
      expect(driver.connections.length + driver.pending.length).toBeLessThanOrEqual(1);
      await turn();
    }
    const counts = [...served.values()];
    expect(Math.min(...counts)).toBeGreaterThan(5);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThan(5);
    await pool.destroy();
  });

  it.each([
    ["has none, though one of the other's is held", "http://a.example", 1],
    ["has one that is held", "http://b.example", 501],
  ])("give one to an origin that %s, and waits longer than who uses the others", async (_, holder, waitsMs) => {
    const { pool, driver } = newPool({ maxTotalConnections: 2, maxConnections: 2 });
    const lasting = { deadlineMs: Infinity, timeouts: { queueMs: Infinity, headMs: Infinity } };
    call(pool, { ...lasting, url: holder });
    driver.last.open();
    await turn();
    const held = current(driver);
    const busy = (): void => {
      pool.request({ ...lasting, url: "http://a.example" }).then(busy, () => {});
    };
    for (let i = 0; i < 3; i++) busy();
    driver.last.open();
    await turn();
    const waits = call(pool, { ...lasting, url: "http://b.example" });
    vi.advanceTimersByTime(waitsMs);
    for (let round = 0; round < 10 && !waits.settled; round++) {
      vi.advanceTimersByTime(1);
      for (const attempt of driver.running) if (attempt !== held) attempt.answer();
      await turn();
      for (const dial of driver.pending) dial.open();
      await turn();
    }
    expect(waits.response?.status).toBe(200);
    await pool.destroy();
  });

  it("make room by an idle one, also where one that is held was told to end for somebody who has gone", async () => {
    const fixture = newPool({ maxTotalConnections: 3 });
    const { pool, driver } = fixture;
    const lasting = { deadlineMs: Infinity, timeouts: { queueMs: Infinity, headMs: Infinity } };
    for (const url of ["http://a.example", "http://a.example", "http://b.example"]) {
      call(pool, { ...lasting, url });
      driver.last.open();
      await turn();
    }
    const gone = new AbortController();
    call(pool, { ...lasting, url: "http://c.example", signal: gone.signal });
    gone.abort();
    await turn();
    const waits = call(pool, { ...lasting, url: "http://b.example" });
    expect(driver.running).toHaveLength(3);
    // The first was told to end; the second falls idle.
    driver.running[1]?.answer();
    await turn();
    await turn();
    driver.pending[0]?.open();
    await turn();
    for (const attempt of driver.running)
      if (attempt.exchange.request.target.origin === "http://b.example") attempt.answer();
    await turn();
    expect(waits.response?.status).toBe(200);
    await pool.destroy();
  });

  it("make room for another by ending the one that is idle longest", async () => {
    const fixture = newPool({ maxTotalConnections: 2 });
    const one = await usedConnection(fixture, 1, "http://a.example");
    vi.advanceTimersByTime(10);
    const two = await usedConnection(fixture, 1, "http://b.example");
    const third = call(fixture.pool, { url: "http://c.example" });
    await turn();
    expect([one.state, two.state]).toEqual(["closed", "open"]);
    fixture.driver.last.open();
    await turn();
    current(fixture.driver).answer();
    await turn();
    expect(third.response?.status).toBe(200);
  });

  it("give the place of one that ended to an origin that has none, although another asked before", async () => {
    const { pool, driver } = newPool({ maxTotalConnections: 2, maxConnections: 3 });
    for (let i = 0; i < 8; i++) call(pool, { url: "http://a.example" });
    for (const dial of driver.pending) dial.open();
    await turn();
    call(pool, { url: "http://b.example" });
    for (const attempt of driver.running) attempt.answer();
    await turn();
    expect(driver.last.target.origin).toBe("http://b.example");
  });

  it("are asked again when one becomes idle only later", async () => {
    const fixture = newPool({ maxTotalConnections: 1 });
    const { pool, driver } = fixture;
    const warming = pool.warm("http://a.example").catch((error: unknown) => error);
    const waiting = call(pool, { url: "http://b.example" });
    driver.last.open();
    await turn();
    expect(driver.last.target.origin).toBe("http://b.example");
    expect(await warming).toMatchObject({ code: "LIMIT_EXCEEDED" });
    driver.last.open();
    await turn();
    current(driver).answer();
    await turn();
    expect(waiting.response?.status).toBe(200);
  });

  it("are forgotten with the last connection and the last waiter", async () => {
    const { pool, driver } = newPool({ maxTotalConnections: 1 });
    call(pool, { url: "http://a.example" });
    const controller = new AbortController();
    call(pool, { url: "http://b.example", signal: controller.signal });
    expect(Object.keys(pool.stats().origins)).toEqual(["http://a.example", "http://b.example"]);
    controller.abort();
    await turn();
    expect(Object.keys(pool.stats().origins)).toEqual(["http://a.example"]);
    driver.last.fail();
    await turn();
    expect(pool.stats().origins).toEqual({});
  });
});
