import { describe, expect, it } from "vitest";
import { call, current, newPool, turn, usedConnection } from "./pool-fixture.ts";

describe("a place for a connection that the adapter makes itself", () => {
  it("is counted with the others, and what waits goes on when it is given back", async () => {
    const { pool, driver } = newPool({ maxTotalConnections: 1 });
    expect(await pool.reserve()).toBe(true);
    const waiting = call(pool);
    expect(driver.dials).toHaveLength(0);
    expect(await pool.reserve()).toBe(false);
    pool.release();
    driver.last.open();
    await turn();
    current(driver).answer();
    await turn();
    expect(waiting.response?.status).toBe(200);
  });

  it("is not to be had while all connections are busy", async () => {
    const { pool, driver } = newPool({ maxTotalConnections: 1 });
    call(pool);
    driver.last.open();
    await turn();
    expect(await pool.reserve()).toBe(false);
  });

  it("is that of the longest idle connection, once that is gone", async () => {
    const fixture = newPool({ maxTotalConnections: 1 });
    const { pool, driver } = fixture;
    driver.lingering = true;
    const connection = await usedConnection(fixture);
    const taken: boolean[] = [];
    const reserving = pool.reserve().then((is) => taken.push(is));
    await turn();
    expect(connection.state).toBe("closing");
    expect(taken).toEqual([]);
    connection.gone();
    await reserving;
    expect(taken).toEqual([true]);
    const waiting = call(pool);
    expect(driver.dials).toHaveLength(1);
    pool.release();
    expect(driver.dials).toHaveLength(2);
    driver.last.open();
    await turn();
    current(driver).answer();
    await turn();
    expect(waiting.response?.status).toBe(200);
  });

  it("keeps a pool that is closing from being over until it is given back", async () => {
    const { pool } = newPool();
    await pool.reserve();
    let over = false;
    const closing = pool.close().then(() => (over = true));
    await turn();
    expect(over).toBe(false);
    pool.release();
    await closing;
  });
});
