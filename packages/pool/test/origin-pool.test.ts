import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Connection } from "../src/connection.ts";
import { call, current, type Fixture, newPool, turn, url, usedConnection } from "./pool-fixture.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  vi.advanceTimersByTime(1_000);
  vi.spyOn(Math, "random").mockReturnValue(0.5);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("warm", () => {
  it("resolves when as many connections as asked for stand ready, never more than maxConnections", async () => {
    const { pool, driver } = newPool({ maxConnections: 3 });
    let ready = false;
    const warming = pool.warm(url, { connections: 10 }).then(() => {
      ready = true;
    });
    expect(driver.pending).toHaveLength(3);
    for (const dial of driver.pending.slice(1)) dial.open();
    await turn();
    expect(ready).toBe(false);
    driver.pending[0]?.open();
    await warming;
    expect(pool.stats().connections.idle).toBe(3);
  });

  it("makes only what is missing", async () => {
    const fixture = newPool({ maxConnections: 3 });
    await usedConnection(fixture);
    const warming = fixture.pool.warm(url, { connections: 2 });
    expect(fixture.driver.pending).toHaveLength(1);
    fixture.driver.last.open();
    await warming;
    await fixture.pool.warm(url, { connections: 2 });
    expect(fixture.driver.dials).toHaveLength(2);
  });

  it("lets a request have what it made", async () => {
    const { pool, driver } = newPool();
    const warming = pool.warm(url);
    driver.last.open();
    await warming;
    const one = call(pool);
    current(driver).answer();
    await turn();
    expect(one.response?.connection).toMatchObject({ reused: false, exchangeIndex: 0 });
    expect(one.response?.timings.connected).toBeUndefined();
  });

  it("resolves when some could be made, rejects with the dial's error when none could", async () => {
    const { pool, driver } = newPool();
    const some = pool.warm(url, { connections: 2 });
    driver.pending[0]?.open();
    driver.pending[0]?.fail();
    await some;
    const none = pool.warm("http://b.example");
    driver.last.fail();
    await expect(none).rejects.toMatchObject({ code: "CONNECT_FAILED", origin: "http://b.example" });
    expect(Object.keys(pool.stats().origins)).toEqual(["http://a.example"]);
  });

  it("rejects with ABORTED, its cause the signal's reason, and lets the dial go on", async () => {
    const { pool, driver } = newPool();
    const controller = new AbortController();
    const warming = pool.warm(url, { signal: controller.signal });
    vi.advanceTimersByTime(20);
    controller.abort(new Error("enough"));
    await expect(warming).rejects.toMatchObject({
      code: "ABORTED",
      delivery: "not-sent",
      cause: { message: "enough" },
      message: "warming http://a.example: the caller gave up",
      elapsedMs: 20,
    });
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    driver.last.open();
    await turn();
    expect(pool.stats().connections.idle).toBe(1);
    await expect(pool.warm(url, { signal: controller.signal })).rejects.toMatchObject({ code: "ABORTED" });
  });

  it("leaves nothing on a signal that did not fire", async () => {
    const { pool, driver } = newPool();
    const { signal } = new AbortController();
    const warming = pool.warm(url, { signal });
    driver.last.open();
    await warming;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("rejects with CLOSED after close", async () => {
    const { pool } = newPool();
    await pool.close();
    await expect(pool.warm(url)).rejects.toMatchObject({
      code: "CLOSED",
      origin: "http://a.example",
      message: "warming http://a.example: the transport is closed",
    });
  });

  it("rejects with CLOSED where the transport is destroyed meanwhile, and says how long it took", async () => {
    const { pool } = newPool();
    const warming = pool.warm(url);
    vi.advanceTimersByTime(30);
    void pool.destroy("enough");
    await expect(warming).rejects.toMatchObject({ code: "CLOSED", cause: "enough", elapsedMs: 30 });
  });

  it("tells how long it took until the dial failed", async () => {
    const { pool, driver } = newPool();
    const warming = pool.warm(url);
    vi.advanceTimersByTime(40);
    driver.last.fail();
    await expect(warming).rejects.toMatchObject({ code: "CONNECT_FAILED", elapsedMs: 40 });
  });

  it("does not tell of a dial that failed before it", async () => {
    const { pool, driver } = newPool({ maxTotalConnections: 1, maxConnections: 1 });
    const [first, second] = [call(pool), call(pool)];
    call(pool, { url: "http://b.example" });
    driver.last.fail();
    await turn();
    expect([first.error?.code, second.settled]).toEqual(["CONNECT_FAILED", false]);
    expect(driver.last.target.origin).toBe("http://b.example");
    await expect(pool.warm(url)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("takes the place of the longest idle connection of another origin", async () => {
    const fixture = newPool({ maxTotalConnections: 2 });
    await usedConnection(fixture);
    vi.advanceTimersByTime(10);
    await usedConnection(fixture, 1, "http://c.example");
    const warming = fixture.pool.warm("http://b.example");
    await turn();
    fixture.driver.last.open();
    await warming;
    expect(Object.keys(fixture.pool.stats().origins)).toEqual(["http://c.example", "http://b.example"]);
  });

  it.each([0, -1, NaN, "2"])("of %j connections is a TypeError", async (connections) => {
    await expect(newPool().pool.warm(url, { connections: connections as number })).rejects.toThrow(
      new TypeError("connections is not a number of at least 1"),
    );
  });

  it("rejects with LIMIT_EXCEEDED where other origins use all connections, and leaves nothing", async () => {
    const fixture = newPool({ maxTotalConnections: 1 });
    await usedConnection(fixture);
    call(fixture.pool);
    await expect(fixture.pool.warm("http://b.example")).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: "warming http://b.example: all 1 connections are in use (maxTotalConnections)",
    });
    expect(Object.keys(fixture.pool.stats().origins)).toEqual(["http://a.example"]);
  });

  it("counts a draining connection that carries one exchange against maxConnections", async () => {
    const fixture = newPool({ maxConnections: 1 });
    fixture.driver.lingering = true;
    const connection = await usedConnection(fixture);
    connection.drains();
    fixture.pool.warm(url).catch(() => {});
    expect(fixture.driver.pending).toEqual([]);
  });
});

describe("minConnections", () => {
  it("are opened again when they are lost, within the limits", async () => {
    const fixture = newPool({ minConnections: 5, maxConnections: 2 });
    const connection = await usedConnection(fixture);
    connection.gone();
    vi.advanceTimersByTime(1);
    expect(fixture.driver.pending).toHaveLength(2);
    for (const dial of fixture.driver.pending) dial.open();
    await turn();
    expect(fixture.pool.stats().connections.idle).toBe(2);
  });

  it("are opened after a failed dial only with a delay", async () => {
    const fixture = newPool({ minConnections: 1 });
    const connection = await usedConnection(fixture);
    connection.gone();
    vi.advanceTimersByTime(1);
    fixture.driver.last.fail();
    await turn();
    expect(fixture.driver.pending).toEqual([]);
    vi.advanceTimersByTime(110);
    expect(fixture.driver.pending).toHaveLength(1);
  });

  it("are found by the next request, and ended by close", async () => {
    const fixture = newPool({ minConnections: 1 });
    const { pool, driver } = fixture;
    const connection = await usedConnection(fixture);
    connection.gone();
    vi.advanceTimersByTime(1);
    driver.last.open();
    await turn();
    const next = call(pool);
    expect(driver.dials).toHaveLength(2);
    current(driver).answer();
    await turn();
    expect(next.response?.status).toBe(200);
    await pool.close();
    expect(driver.connections).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("are not opened by a pool that closes", async () => {
    const fixture = newPool({ minConnections: 1 });
    const connection = await usedConnection(fixture);
    connection.gone();
    await fixture.pool.close();
    vi.advanceTimersByTime(1_000);
    expect(fixture.driver.pending).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    expect(fixture.pool.stats().origins).toEqual({});
  });

  it("are opened again later each time, where they end young and of no use", async () => {
    const fixture = newPool({ minConnections: 1 });
    (await usedConnection(fixture)).lose();
    await turn();
    const pauses: number[] = [];
    for (let round = 0; round < 4; round++) {
      const { dials } = fixture.driver;
      const count = dials.length;
      let pauseMs = 0;
      for (; dials.length === count; pauseMs++) vi.advanceTimersByTime(1);
      pauses.push(pauseMs);
      fixture.driver.last.open();
      await turn();
      fixture.driver.last.connection?.lose();
      await turn();
    }
    // Half of 200, 400 and 800 ms, by the random number of these tests.
    expect(pauses).toEqual([1, 100, 200, 400]);
  });
});

describe("a dial that failed", () => {
  it("costs one waiter its wait where nothing else is open, all of them where connections are shared", async () => {
    const single = newPool();
    const [one, two] = [call(single.pool), call(single.pool)];
    single.driver.pending[0]?.fail();
    await turn();
    expect([one.error?.code, two.settled]).toEqual(["CONNECT_FAILED", false]);
    expect(one.error).toMatchObject({ delivery: "not-sent", phase: "connect", attempt: 1 });

    const shared = newPool({ multiplexed: true });
    const all = [call(shared.pool), call(shared.pool)];
    shared.driver.last.fail();
    await turn();
    expect(all.map((call_) => call_.error?.code)).toEqual(["CONNECT_FAILED", "CONNECT_FAILED"]);
  });

  it("costs nobody anything where other connections are open; another is dialled after a while", async () => {
    const { pool, driver } = newPool();
    call(pool);
    driver.last.open();
    await turn();
    const waiting = call(pool, { timeouts: { queueMs: Infinity } });
    driver.last.fail();
    await turn();
    expect([waiting.settled, driver.pending.length]).toEqual([false, 0]);
    vi.advanceTimersByTime(210);
    driver.last.open();
    await turn();
    driver.running[1]?.answer();
    await turn();
    expect(waiting.response?.connection.reused).toBe(false);
  });
});

describe("a multiplexed connection of full age", () => {
  it("serves until the one that takes over is open", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 2, maxAgeMs: 100 });
    call(pool);
    const old = driver.last.open(2);
    await turn();
    vi.advanceTimersByTime(106);
    expect(driver.pending).toHaveLength(1);
    call(pool);
    expect(old.running).toHaveLength(2);
    const waiting = call(pool);
    const next = driver.last.open(2);
    await turn();
    expect(pool.stats().connections).toEqual({ connecting: 0, active: 1, idle: 0, draining: 1 });
    expect(driver.dials).toHaveLength(2);
    for (const attempt of driver.running) attempt.answer();
    await turn();
    expect([old.state, next.state]).toEqual(["closed", "open"]);
    expect(waiting.response?.status).toBe(200);
  });

  it("is replaced although a waiter that came meanwhile has given up", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 1, maxAgeMs: 100 });
    call(pool);
    call(pool);
    driver.last.open(2);
    await turn();
    vi.advanceTimersByTime(106);
    const controller = new AbortController();
    const waiting = call(pool, { signal: controller.signal });
    controller.abort();
    await turn();
    expect(waiting.error).toMatchObject({ code: "ABORTED", phase: "connect" });
    expect(driver.last.state).toBe("pending");
  });

  it("goes on where none can take over, which is tried again", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxAgeMs: 100 });
    call(pool);
    const old = driver.last.open(2);
    await turn();
    vi.advanceTimersByTime(106);
    driver.last.fail();
    await turn();
    const more = call(pool);
    expect(old.running).toHaveLength(2);
    expect(more.settled).toBe(false);
    vi.advanceTimersByTime(500);
    expect(driver.pending).toHaveLength(1);
    driver.last.open(2);
    await turn();
    expect(pool.stats().connections.draining).toBe(1);
  });

  it("is replaced also in the gap between two exchanges", async () => {
    const fixture = newPool({ multiplexed: true, maxAgeMs: 100 });
    const old = await usedConnection(fixture, 5);
    vi.advanceTimersByTime(106);
    expect(fixture.driver.pending).toHaveLength(1);
    call(fixture.pool);
    expect(old.running).toHaveLength(1);
    const next = fixture.driver.last.open(5);
    await turn();
    current(fixture.driver).answer();
    await turn();
    expect([old.state, next.state]).toEqual(["closed", "open"]);
    // Nobody has used the one that took over.
    vi.advanceTimersByTime(106);
    await turn();
    expect(next.state).toBe("closed");
    expect(fixture.driver.dials).toHaveLength(2);
  });

  it("is simply closed when it was not used lately", async () => {
    const fixture = newPool({ multiplexed: true, maxAgeMs: 2_000 });
    const connection = await usedConnection(fixture, 5);
    vi.advanceTimersByTime(2_006);
    await turn();
    expect(connection.state).toBe("closed");
    expect(fixture.driver.dials).toHaveLength(1);
  });
});

describe("multiplexed connections of full age, all in use", () => {
  async function fourInUse(): Promise<Fixture> {
    const fixture = newPool({ multiplexed: true, maxConnections: 4, maxAgeMs: 20_000 });
    for (let i = 0; i < 8; i++) call(fixture.pool);
    for (let i = 0; i < 4; i++) {
      fixture.driver.last.open(2);
      await turn();
    }
    expect(fixture.driver.running).toHaveLength(8);
    return fixture;
  }

  it("are replaced one after the other: never more than one connection stands beside maxConnections", async () => {
    const { driver } = await fourInUse();
    const before = driver.connections;
    vi.advanceTimersByTime(18_006);
    for (let replaced = 1; replaced <= 4; replaced++) {
      expect([driver.connections.length, driver.pending.length]).toEqual([4, 1]);
      driver.last.open(2);
      await turn();
      vi.advanceTimersByTime(1_006);
      expect([driver.connections.length, driver.pending.length]).toEqual([5, 0]);
      const leaving = before.find(({ owner }) => (owner as Connection).state === "draining");
      for (const attempt of leaving?.running.slice() ?? []) attempt.answer();
      await turn();
      vi.advanceTimersByTime(1_006);
    }
    expect(before.map((one) => one.state)).toEqual(["closed", "closed", "closed", "closed"]);
  });

  it("go on while one that was replaced has exchanges left", async () => {
    const { driver } = await fourInUse();
    vi.advanceTimersByTime(18_006);
    driver.last.open(2);
    await turn();
    vi.advanceTimersByTime(10_000);
    expect([driver.dials.length, driver.connections.length]).toEqual([5, 5]);
    expect(driver.running).toHaveLength(8);
  });
});

describe("a multiplexed connection with few exchanges left", () => {
  it("serves until the one that takes over is open, a tenth before maxExchanges", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxExchanges: 20 });
    call(pool);
    const old = driver.last.open(5);
    await turn();
    for (let i = 1; i < 17; i++) {
      current(driver).answer();
      call(pool);
    }
    expect(driver.dials).toHaveLength(1);
    current(driver).answer();
    call(pool);
    expect(driver.pending).toHaveLength(1);
    call(pool);
    expect(old.running).toHaveLength(2);
    const next = driver.last.open(5);
    await turn();
    const first = call(pool);
    expect([old.running.length, next.running.length]).toEqual([2, 1]);
    for (const attempt of driver.running) attempt.answer();
    await turn();
    expect(first.response?.connection.reused).toBe(false);
    expect([old.state, next.state]).toEqual(["closed", "open"]);
    expect(driver.dials).toHaveLength(2);
  });

  it("goes on to its last exchange where none can take over", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxExchanges: 10, maxTotalConnections: 1 });
    call(pool);
    const only = driver.last.open(5);
    await turn();
    for (let i = 1; i < 10; i++) {
      current(driver).answer();
      call(pool);
    }
    expect(only.running).toHaveLength(1);
    expect(pool.stats().connections.draining).toBe(1);
    expect(driver.dials).toHaveLength(1);
  });
});

describe("placing", () => {
  it("survives an attempt that fails before run() returns", async () => {
    const fixture = newPool({ maxConnections: 1 });
    await usedConnection(fixture);
    fixture.driver.failsAtOnce = true;
    const one = call(fixture.pool, { method: "POST" });
    await turn();
    expect(one.error).toMatchObject({ code: "CONNECTION_LOST", delivery: "not-sent" });
    expect(one.error?.attempts).toHaveLength(3);
    expect(fixture.driver.violations).toEqual([]);
    expect(fixture.pool.stats().connections.idle).toBe(1);
  });

  it("survives connections that are gone before close() returns", async () => {
    const fixture = newPool({ maxTotalConnections: 1 });
    fixture.driver.abrupt = true;
    await usedConnection(fixture);
    const other = call(fixture.pool, { url: "http://b.example" });
    fixture.driver.last.open();
    await turn();
    current(fixture.driver).answer();
    await turn();
    expect(other.response?.status).toBe(200);
  });
});

describe("a connection that takes no exchange at all", () => {
  it("is not answered with another dial; what waits runs on it when the peer allows some", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 4 });
    const waiting = call(pool);
    const connection = driver.last.open(0);
    await turn();
    const later = call(pool);
    await turn();
    expect(driver.dials).toHaveLength(1);
    expect(pool.stats().exchanges.queued).toBe(2);
    connection.capacityIs(5);
    for (const attempt of driver.running) attempt.answer();
    await turn();
    expect([waiting.response?.status, later.response?.status]).toEqual([200, 200]);
    expect(driver.dials).toHaveLength(1);
  });
});
