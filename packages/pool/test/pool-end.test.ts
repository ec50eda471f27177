import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bodyError, call, current, type Fixture, newPool, turn, url, usedConnection } from "./pool-fixture.ts";

const nothing = {
  connections: { connecting: 0, active: 0, idle: 0, draining: 0 },
  exchanges: { queued: 0, inFlight: 0 },
  origins: {},
};

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});

afterEach(() => {
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

describe("close", () => {
  it("refuses new work, finishes what was accepted, and ends", async () => {
    const { pool, driver } = await busyPool();
    const waiting = call(pool);
    let closed = false;
    const closing = pool.close().then(() => {
      closed = true;
    });
    const late = call(pool);
    await turn();
    expect(late.error).toMatchObject({ code: "CLOSED", delivery: "not-sent" });
    current(driver).answer();
    await turn();
    expect([waiting.settled, closed]).toEqual([false, false]);
    current(driver).answer();
    await closing;
    expect(waiting.response?.status).toBe(200);
    expect(pool.stats()).toMatchObject(nothing);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves nothing on a signal that did not fire", async () => {
    const { pool, driver } = await busyPool();
    const { signal } = new AbortController();
    const closing = pool.close({ signal });
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    current(driver).answer();
    await closing;
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("ends idle connections at once and is fine twice", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    await Promise.all([fixture.pool.close(), fixture.pool.close()]);
    await fixture.pool.close();
    expect(connection.state).toBe("closed");
    expect(fixture.driver.violations).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("gives up a dial that nobody waits for", async () => {
    const { pool, driver } = newPool();
    const warming = pool.warm(url);
    warming.catch(() => {});
    await pool.close();
    await expect(warming).rejects.toMatchObject({ code: "CLOSED" });
    expect(driver.last.state).toBe("cancelled");
  });

  it.each([
    ["its deadline has passed", { deadlineMs: 100 }, () => vi.advanceTimersByTime(100)],
    ["its signal fires", (signal: AbortSignal) => ({ signal, deadlineMs: Infinity }), (stop: () => void) => stop()],
  ] as const)("destroys what is left when %s", async (_, options, happen) => {
    const { pool, driver } = await busyPool();
    const controller = new AbortController();
    const running = current(driver);
    const waiting = call(pool);
    const closing = pool.close(typeof options === "function" ? options(controller.signal) : options);
    happen(() => controller.abort());
    await closing;
    expect(running.aborted).toBeDefined();
    expect(waiting.error?.code).toBe("CLOSED");
    expect(pool.stats()).toMatchObject(nothing);
    expect(vi.getTimerCount()).toBe(0);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("waits for as long as a deadline says that no timer can measure", async () => {
    const { pool, driver } = await busyPool();
    const running = current(driver);
    const closing = pool.close({ deadlineMs: 2 ** 40 });
    vi.advanceTimersByTime(10_000);
    await turn();
    expect(running.aborted).toBeUndefined();
    running.answer();
    await closing;
  });

  it.each([-1, NaN, "1"])("refuses a deadline of %j, and ends nothing", async (deadlineMs) => {
    const { pool, driver } = await busyPool();
    await expect(pool.close({ deadlineMs: deadlineMs as number })).rejects.toThrow(TypeError);
    expect(pool.closing).toBe(false);
    expect(current(driver).aborted).toBeUndefined();
  });
});

describe("destroy", () => {
  it("ends everything now, with its reason as the cause, and starts nothing", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 1 });
    const running = call(pool);
    driver.last.open(1);
    await turn();
    const waiting = call(pool);
    await pool.destroy("over");
    await turn();
    expect(running.error).toMatchObject({ code: "CLOSED", cause: "over" });
    expect(waiting.error).toMatchObject({ code: "CLOSED", cause: "over", delivery: "not-sent" });
    expect(driver.dials.map(({ connection }) => connection?.served)).toEqual([1]);
    expect(call(pool).settled).toBe(false);
    await pool.destroy();
    expect(pool.stats()).toMatchObject(nothing);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("fails the body that is being read", async () => {
    const { pool, driver } = newPool();
    const one = call(pool);
    driver.last.open();
    await turn();
    current(driver).send().head();
    await turn();
    await pool.destroy("over");
    expect(await bodyError(one.response)).toMatchObject({ code: "CLOSED", delivery: "answered", phase: "body" });
  });

  it("asks nothing more of a connection that still discards a body as it is destroyed", async () => {
    const { pool, driver } = newPool({ multiplexed: true });
    driver.lingering = true;
    const one = call(pool);
    const connection = driver.last.open(2);
    await turn();
    const attempt = current(driver).send();
    attempt.head();
    await turn();
    attempt.discard = () => {};
    await one.response?.body.cancel();
    const destroyed = pool.destroy();
    connection.freed();
    expect(driver.violations).toEqual([]);
    connection.gone();
    await destroyed;
  });

  it("cancels dials", async () => {
    const { pool, driver } = newPool();
    const one = call(pool);
    await pool.destroy();
    expect(driver.last.state).toBe("cancelled");
    expect(one.error?.code).toBe("CLOSED");
    expect(pool.stats().totals).toMatchObject({ dialsFailed: 0, connectionsOpened: 0, connectionsClosed: 0 });
  });
});

describe("stats", () => {
  it("add up", async () => {
    const fixture = newPool();
    const { pool, driver } = fixture;
    await usedConnection(fixture);
    const lost = call(pool, { method: "POST" });
    current(driver).send();
    driver.connections[0]?.lose();
    call(pool);
    driver.last.fail();
    await turn();
    expect(lost.error?.code).toBe("CONNECTION_LOST");
    expect(pool.stats().totals).toEqual({
      connectionsOpened: 1,
      connectionsClosed: 1,
      dialsFailed: 1,
      exchangesStarted: 3,
      exchangesRefused: 0,
      exchangesEnded: 1,
      exchangesFailed: 2,
      exchangesReplayed: 0,
      responsesLeaked: 0,
    });
  });

  it("count what was never accepted apart", async () => {
    const { pool } = await busyPool({ maxQueued: 0 });
    call(pool);
    call(pool, { signal: AbortSignal.abort() });
    call(pool, { deadlineMs: 0 });
    await pool.destroy();
    call(pool);
    await turn();
    expect(pool.stats().totals).toMatchObject({ exchangesStarted: 1, exchangesRefused: 4, exchangesFailed: 1 });
    expect(pool.stats().origins).toEqual({});
  });

  it("are told by origin, and in sum", async () => {
    const fixture = newPool({ maxConnections: 1 });
    await usedConnection(fixture, 1, "http://a.example");
    call(fixture.pool, { url: "http://a.example" });
    call(fixture.pool, { url: "http://a.example" });
    call(fixture.pool, { url: "http://b.example" });
    const { origins, connections, exchanges } = fixture.pool.stats();
    expect(origins["http://a.example"]).toEqual({
      connections: { connecting: 0, active: 1, idle: 0, draining: 0 },
      exchanges: { queued: 1, inFlight: 1 },
    });
    expect(connections).toEqual({ connecting: 1, active: 1, idle: 0, draining: 0 });
    expect(exchanges).toEqual({ queued: 2, inFlight: 1 });
  });
});
