import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { call, current, newPool, turn, url, usedConnection } from "./pool-fixture.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  // A clock that says 0 is found nowhere else.
  vi.advanceTimersByTime(1_000);
});

afterEach(() => {
  vi.useRealTimers();
});

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.from("x");
}

describe("an exchange that the peer cannot have seen", () => {
  it("goes on another connection, whatever its method, and its caller learns it from events and timings only", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    const one = call(fixture.pool, { method: "POST", body: "pay" });
    connection.lose();
    await turn();
    fixture.driver.last.open();
    await turn();
    current(fixture.driver).answer(201);
    await turn();
    expect(one.response?.status).toBe(201);
    expect(one.response?.connection.reused).toBe(false);
    expect(fixture.pool.stats().totals.exchangesReplayed).toBe(1);
  });

  it("goes to the head of the queue, before those who came later", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 1 });
    const order: string[] = [];
    void pool.request({ url: "http://a.example/1" }).then(() => order.push("first"));
    void pool.request({ url: "http://a.example/2" }).then(() => order.push("second"));
    driver.last.open(1);
    await turn();
    current(driver).refuse();
    current(driver).answer();
    await turn();
    current(driver).answer();
    await turn();
    expect(order).toEqual(["first", "second"]);
  });

  it("is put back three times and no more; the error keeps the earlier attempts", async () => {
    const { pool, driver } = newPool({ multiplexed: true });
    const one = call(pool, { method: "POST", attempt: 2 });
    const connection = driver.last.open(1);
    await turn();
    for (let i = 0; i < 4; i++) current(driver).refuse();
    await turn();
    expect(one.error).toMatchObject({ code: "REFUSED", delivery: "refused", replaySafe: true, attempt: 2 });
    expect(one.error?.attempts.map((error) => error.code)).toEqual(["REFUSED", "REFUSED", "REFUSED"]);
    expect(connection.served).toBe(4);
    expect(connection.leases).toBe(0);
  });

  it("is not put back once its body, which can be read only once, was begun", async () => {
    const { pool, driver } = newPool({ multiplexed: true });
    const one = call(pool, { method: "POST", body: endless() });
    driver.last.open(1);
    await turn();
    await current(driver).exchange.body.chunks().next();
    current(driver).refuse();
    await turn();
    expect(one.error).toMatchObject({ code: "REFUSED", delivery: "refused", attempts: [] });
  });

  it("is put back with an untouched stream, and with one that can be made anew", async () => {
    const { pool, driver } = newPool({ multiplexed: true });
    const [once, anew] = [
      call(pool, { method: "POST", body: endless() }),
      call(pool, { method: "PUT", body: endless }),
    ];
    driver.last.open(2);
    await turn();
    const [first, second] = driver.running;
    await second?.exchange.body.chunks().next();
    first?.refuse();
    second?.refuse();
    for (const attempt of driver.running) attempt.answer();
    await turn();
    expect([once.response?.status, anew.response?.status]).toEqual([200, 200]);
  });
});

describe("an exchange that the peer may have seen", () => {
  it("is the caller's to repeat if it is not idempotent", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    const one = call(fixture.pool, { method: "POST" });
    current(fixture.driver).send();
    connection.lose();
    await turn();
    expect(one.error).toMatchObject({
      code: "CONNECTION_LOST",
      delivery: "maybe-sent",
      replaySafe: false,
      phase: "head",
      reused: true,
      attempt: 1,
      attempts: [],
      origin: "http://a.example",
    });
    expect(fixture.driver.dials).toHaveLength(1);
  });

  it("is the caller's to repeat if its connection was new", async () => {
    const { pool, driver } = newPool();
    const one = call(pool);
    const connection = driver.last.open();
    await turn();
    current(driver).send();
    connection.lose();
    await turn();
    expect(one.error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", reused: false });
  });

  it("is replayed once, on a fresh connection, if it is idempotent", async () => {
    const { pool, driver } = newPool({ maxConnections: 3 });
    call(pool);
    call(pool);
    const [one, two] = driver.dials.map((dial) => dial.open());
    await turn();
    for (const attempt of driver.running) attempt.answer();
    const stale = call(pool);
    const victim = current(driver).send().connection;
    victim.lose();
    await turn();
    expect(driver.running).toEqual([]);
    expect([one, two].filter((connection) => connection?.state === "open")).toHaveLength(1);
    driver.last.open();
    await turn();
    current(driver).answer(203);
    await turn();
    expect(stale.response?.status).toBe(203);
    expect(stale.response?.connection.reused).toBe(false);
  });

  it("is replayed also if nothing ever ran on its connection, which had been idle since warm()", async () => {
    const { pool, driver } = newPool();
    const warming = pool.warm(url);
    const warm = driver.last.open();
    await warming;
    const one = call(pool);
    current(driver).send();
    warm.lose();
    driver.last.open();
    await turn();
    current(driver).answer(203);
    await turn();
    expect(one.response?.status).toBe(203);
    expect(pool.stats().totals.exchangesReplayed).toBe(1);
  });

  it("is replayed also if its connection is of a dial that outlived its waiter", async () => {
    const fixture = newPool();
    const { pool, driver } = fixture;
    const busy = await usedConnection(fixture);
    call(pool);
    const waiter = call(pool);
    busy.running[0]?.answer();
    busy.running[0]?.answer();
    await turn();
    expect(waiter.response?.connection.reused).toBe(true);
    busy.gone();
    const late = driver.last.open();
    await turn();
    const one = call(pool);
    current(driver).send();
    late.lose();
    driver.last.open();
    await turn();
    current(driver).answer(203);
    await turn();
    expect(one.response?.status).toBe(203);
  });

  it("is replayed also if its connection had taken over from another and been idle", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxAgeMs: 100 });
    call(pool);
    driver.last.open(5);
    await turn();
    vi.advanceTimersByTime(106);
    const next = driver.last.open(5);
    await turn();
    current(driver).answer();
    const one = call(pool);
    expect(next.running).toHaveLength(1);
    current(driver).send();
    next.lose();
    driver.last.open(5);
    await turn();
    current(driver).answer(203);
    await turn();
    expect(one.response?.status).toBe(203);
  });

  it("is the caller's to repeat if its connection opened for it, however long the dial took", async () => {
    const { pool, driver } = newPool({ multiplexed: true });
    const one = call(pool);
    vi.advanceTimersByTime(5_000);
    const connection = driver.last.open(0);
    await turn();
    connection.capacityIs(5);
    current(driver).send();
    connection.lose();
    await turn();
    expect(one.error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", attempts: [] });
  });

  it("says in its error that the connection was not reused if it had only been idle", async () => {
    const { pool, driver } = newPool();
    const warming = pool.warm(url);
    const warm = driver.last.open();
    await warming;
    const one = call(pool);
    current(driver).send();
    warm.lose();
    const next = driver.last.open();
    await turn();
    current(driver).send();
    next.lose();
    await turn();
    expect(one.error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", reused: false });
    expect(one.error?.attempts).toMatchObject([{ code: "CONNECTION_LOST", reused: false }]);
  });

  it("is not replayed on a connection that was opened ahead: that one may be ending too", async () => {
    const { pool, driver } = newPool({ maxConnections: 2 });
    const warming = pool.warm(url, { connections: 2 });
    for (const dial of driver.pending) dial.open();
    await warming;
    const one = call(pool);
    current(driver).send().connection.lose();
    await turn();
    expect(driver.running).toEqual([]);
    driver.last.open();
    await turn();
    current(driver).answer();
    await turn();
    expect(one.response?.status).toBe(200);
    expect(driver.dials).toHaveLength(3);
  });

  it("keeps both attempts in the error when the replay is lost too", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    const one = call(fixture.pool);
    current(fixture.driver).send();
    connection.lose();
    const next = fixture.driver.last.open();
    await turn();
    current(fixture.driver).send();
    next.lose();
    await turn();
    expect(one.error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", reused: false });
    expect(one.error?.attempts).toHaveLength(1);
    expect(one.error?.attempts[0]).toMatchObject({ code: "CONNECTION_LOST", reused: true });
    expect(fixture.driver.pending).toEqual([]);
  });

  it("stays maybe-sent when its replay finds no connection", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    const one = call(fixture.pool);
    current(fixture.driver).send();
    connection.lose();
    fixture.driver.last.fail();
    await turn();
    expect(one.error).toMatchObject({ code: "CONNECT_FAILED", delivery: "maybe-sent", replaySafe: false });
    expect(one.error?.attempts).toHaveLength(1);
  });

  it("stays maybe-sent when its replay is refused", async () => {
    const fixture = newPool({ multiplexed: true });
    const connection = await usedConnection(fixture, 5);
    const one = call(fixture.pool);
    current(fixture.driver).send();
    connection.lose();
    fixture.driver.last.open(5);
    await turn();
    for (let i = 0; i < 4; i++) {
      current(fixture.driver).refuse();
      await turn();
    }
    expect(one.error).toMatchObject({ code: "REFUSED", delivery: "maybe-sent", replaySafe: false });
    expect(one.error?.attempts).toHaveLength(4);
  });

  it("is put back when its replay is refused, for it was not seen again", async () => {
    const fixture = newPool({ multiplexed: true });
    const connection = await usedConnection(fixture, 5);
    const one = call(fixture.pool);
    current(fixture.driver).send();
    connection.lose();
    fixture.driver.last.open(5);
    await turn();
    current(fixture.driver).refuse();
    await turn();
    current(fixture.driver).answer(203);
    await turn();
    expect(one.response?.status).toBe(203);
  });

  it("shares the fresh connection with the others that the same loss put back", async () => {
    const fixture = newPool({ multiplexed: true, maxConnections: 4 });
    const connection = await usedConnection(fixture, 10);
    const calls = Array.from({ length: 5 }, () => call(fixture.pool));
    for (const attempt of fixture.driver.running) attempt.send();
    connection.lose();
    fixture.driver.last.open(10);
    await turn();
    for (const attempt of fixture.driver.running) attempt.answer();
    await turn();
    expect(calls.map((one) => one.response?.status)).toEqual([200, 200, 200, 200, 200]);
    expect(fixture.driver.dials).toHaveLength(2);
  });

  it("is not replayed when bytes of a response had come", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    const one = call(fixture.pool);
    current(fixture.driver).send();
    connection.lose({ responded: true });
    await turn();
    expect(one.error?.delivery).toBe("maybe-sent");
    expect(fixture.driver.dials).toHaveLength(1);
  });
});

describe("408 on a connection", () => {
  it("that was used before is replayed once for what is idempotent, the second is an answer", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    const one = call(fixture.pool);
    expect(current(fixture.driver).send().head(408)).toBe(false);
    connection.running[0]?.leave();
    connection.gone();
    fixture.driver.last.open();
    await turn();
    expect(current(fixture.driver).send().head(408)).toBe(true);
    await turn();
    expect(one.response?.status).toBe(408);
  });

  it("that was idle since it was opened is replayed once for what is idempotent", async () => {
    const { pool, driver } = newPool();
    const warming = pool.warm(url);
    driver.last.open();
    await warming;
    call(pool);
    expect(current(driver).send().head(408)).toBe(false);
  });

  it.each([
    ["that was used before answers what is not idempotent", true, "POST"],
    ["that is new answers everything", false, "GET"],
  ])("%s", async (_, used, method) => {
    const fixture = newPool();
    if (used) await usedConnection(fixture);
    const one = call(fixture.pool, { method });
    if (!used) fixture.driver.last.open();
    await turn();
    expect(current(fixture.driver).send().head(408)).toBe(true);
    await turn();
    expect(one.response?.status).toBe(408);
  });
});
