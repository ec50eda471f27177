import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { call, current, newPool, turn, url, usedConnection } from "./pool-fixture.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  vi.spyOn(Math, "random").mockReturnValue(0);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("an idle connection", () => {
  it("is closed after idleTimeoutMs, counted from its last exchange", async () => {
    const fixture = newPool({ idleTimeoutMs: 100 });
    const connection = await usedConnection(fixture);
    vi.advanceTimersByTime(80);
    call(fixture.pool);
    vi.advanceTimersByTime(500);
    expect(connection.state).toBe("open");
    current(fixture.driver).answer();
    vi.advanceTimersByTime(95);
    await turn();
    expect(connection.state).toBe("open");
    vi.advanceTimersByTime(15);
    await turn();
    expect(connection.state).toBe("closed");
  });

  it("is closed a second before the server would, where the server said when", async () => {
    const fixture = newPool({ idleTimeoutMs: 60_000 });
    call(fixture.pool);
    const connection = fixture.driver.last.open();
    await turn();
    connection.owner.keepAlive({ timeoutMs: 5_000 });
    current(fixture.driver).answer();
    vi.advanceTimersByTime(3_990);
    await turn();
    expect(connection.state).toBe("open");
    vi.advanceTimersByTime(15);
    await turn();
    expect(connection.state).toBe("closed");
  });

  it("does not keep the process alive, a busy one does", async () => {
    const fixture = newPool();
    const warming = fixture.pool.warm(url);
    const connection = fixture.driver.last.open();
    await warming;
    expect(connection.held).toBe(false);
    call(fixture.pool);
    expect(connection.held).toBe(true);
    current(fixture.driver).answer();
    expect(connection.held).toBe(false);
  });

  it("that the peer closes is simply gone", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    connection.gone(new Error("reset"));
    expect(fixture.pool.stats().origins).toEqual({});
    call(fixture.pool);
    expect(fixture.driver.pending).toHaveLength(1);
  });
});

describe("a connection takes nothing new", () => {
  it("after maxExchanges", async () => {
    const fixture = newPool({ maxExchanges: 2 });
    const connection = await usedConnection(fixture);
    call(fixture.pool);
    expect(fixture.pool.stats().connections).toMatchObject({ draining: 1, active: 0 });
    current(fixture.driver).answer();
    await turn();
    expect(connection.state).toBe("closed");
    expect(fixture.driver.violations).toEqual([]);
  });

  it("after as many more as the server said", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    call(fixture.pool);
    connection.owner.keepAlive({ max: 2 });
    current(fixture.driver).answer();
    call(fixture.pool);
    current(fixture.driver).answer();
    expect(fixture.pool.stats().connections.idle).toBe(1);
    const last = call(fixture.pool);
    current(fixture.driver).answer();
    await turn();
    expect(last.response?.connection.exchangeIndex).toBe(3);
    expect(connection.state).toBe("closed");
  });

  it("at once when the server takes no more", async () => {
    const fixture = newPool();
    call(fixture.pool);
    const connection = fixture.driver.last.open();
    await turn();
    connection.owner.keepAlive({ max: 0 });
    current(fixture.driver).answer();
    await turn();
    expect(connection.state).toBe("closed");
  });

  it("once it has reached its age, and ends when it is free", async () => {
    const fixture = newPool({ maxAgeMs: 100 });
    const connection = await usedConnection(fixture);
    call(fixture.pool);
    vi.advanceTimersByTime(106);
    await turn();
    expect(fixture.pool.stats().connections.draining).toBe(1);
    current(fixture.driver).answer();
    await turn();
    expect(connection.state).toBe("closed");
  });

  it("once its peer drains, and finishes what is in flight", async () => {
    const fixture = newPool({ multiplexed: true });
    const one = call(fixture.pool);
    const connection = fixture.driver.last.open(5);
    await turn();
    connection.drains();
    const two = call(fixture.pool);
    fixture.driver.last.open(5);
    await turn();
    for (const attempt of fixture.driver.running) attempt.answer();
    await turn();
    expect(one.response?.connection.id).not.toBe(two.response?.connection.id);
    expect(connection.state).toBe("closed");
  });
});

describe("the capacity of a connection", () => {
  it("that grows lets those who wait run at once", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 1 });
    for (let i = 0; i < 3; i++) call(pool);
    const connection = driver.last.open(1);
    await turn();
    expect(connection.running).toHaveLength(1);
    connection.capacityIs(3);
    expect(connection.running).toHaveLength(3);
  });

  it("that shrinks below what is in flight lets nothing new in until there is room again", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 1 });
    for (let i = 0; i < 3; i++) call(pool);
    const connection = driver.last.open(3);
    await turn();
    connection.capacityIs(1);
    const late = call(pool);
    connection.running[0]?.answer();
    connection.running[0]?.answer();
    expect(connection.running).toHaveLength(1);
    connection.running[0]?.answer();
    connection.running[0]?.answer();
    await turn();
    expect(late.response?.status).toBe(200);
    expect(driver.violations).toEqual([]);
  });
});
