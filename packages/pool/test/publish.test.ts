import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type ConnectionEvent, events, type ExchangeEvent } from "@holdfast/transport";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { call, current, newPool, turn, url, usedConnection } from "./pool-fixture.ts";

interface Seen {
  readonly name: string;
  readonly event: Partial<ExchangeEvent & ConnectionEvent>;
}

let seen: Seen[] = [];
const listeners = Object.values(events).map((channel) => ({
  name: channel.name,
  listener: (event: unknown): void => {
    seen.push({ name: String(channel.name).replace("holdfast:", ""), event: event as Seen["event"] });
  },
}));

beforeEach(() => {
  seen = [];
  for (const { name, listener } of listeners) subscribe(name, listener);
});

afterEach(() => {
  for (const { name, listener } of listeners) unsubscribe(name, listener);
});

function names(kind: "exchange" | "connection"): string[] {
  return seen
    .filter(({ event }) => kind in event && "origin" in event === (kind === "connection"))
    .map((one) => one.name);
}

describe("the events", () => {
  it("of an exchange that goes well are queue, start, head, end", async () => {
    const { pool, driver } = newPool();
    call(pool);
    driver.last.open();
    await turn();
    current(driver).answer(201);
    expect(names("exchange")).toEqual(["exchange:queue", "exchange:start", "exchange:head", "exchange:end"]);
    const [queue, start, head, end] = seen.filter(({ event }) => "exchange" in event).map((one) => one.event);
    expect(queue).toEqual({
      exchange: expect.any(Number) as number,
      "http.request.method": "GET",
      "server.address": "a.example",
      "server.port": 80,
      "url.scheme": "http",
      "network.protocol.name": "fake",
    });
    expect(new Set([queue, start, head, end].map((event) => event?.exchange)).size).toBe(1);
    expect(start).toMatchObject({ connection: expect.stringMatching(/^fake-\d+$/) as string });
    expect(head).toMatchObject({ "http.response.status_code": 201 });
    expect(end?.timings?.end).toBeDefined();
  });

  it("of a replayed exchange have one start and a retry between", async () => {
    const fixture = newPool();
    const connection = await usedConnection(fixture);
    seen = [];
    call(fixture.pool);
    current(fixture.driver).send();
    connection.lose();
    fixture.driver.last.open();
    await turn();
    current(fixture.driver).answer();
    expect(names("exchange")).toEqual(["exchange:queue", "exchange:start", "retry", "exchange:head", "exchange:end"]);
    expect(seen.find((one) => one.name === "retry")?.event).toMatchObject({
      "error.type": "CONNECTION_LOST",
      "http.request.resend_count": 1,
      error: { delivery: "maybe-sent" },
    });
  });

  it("of an exchange that fails end with the code and the error that its caller gets", async () => {
    const { pool, driver } = newPool();
    const one = call(pool);
    driver.last.fail();
    await turn();
    expect(names("exchange")).toEqual(["exchange:queue", "exchange:fail"]);
    const fail = seen.find(({ name }) => name === "exchange:fail")?.event;
    expect(fail).toMatchObject({ "error.type": "CONNECT_FAILED" });
    expect(fail?.error).toBe(one.error);
  });

  it("of a connection are dial, open, drain, close", async () => {
    const fixture = newPool();
    await usedConnection(fixture);
    await fixture.pool.close();
    expect(names("connection")).toEqual(["connection:dial", "connection:open", "connection:drain", "connection:close"]);
    const drain = seen.find(({ name }) => name === "connection:drain")?.event;
    expect(drain).toMatchObject({ origin: "http://a.example", "server.address": "a.example", reason: "close" });
  });

  it.each([
    ["idleTimeoutMs", { idleTimeoutMs: 100 }],
    ["maxAgeMs", { maxAgeMs: 100 }],
  ])("name %s as the reason of a drain", async (reason, options) => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const fixture = newPool(options);
    await usedConnection(fixture);
    vi.advanceTimersByTime(106);
    vi.useRealTimers();
    expect(seen.find(({ name }) => name === "connection:drain")?.event).toMatchObject({ reason });
  });

  it("of a dial that failed are dial and close, with the error", async () => {
    const { pool, driver } = newPool();
    pool.warm(url).catch(() => {});
    driver.last.fail();
    await turn();
    expect(names("connection")).toEqual(["connection:dial", "connection:close"]);
    expect(seen.at(-1)?.event.error).toMatchObject({ code: "CONNECT_FAILED" });
  });

  it("pair: each queue has one end or fail, each dial one close, however it goes", async () => {
    const { pool, driver } = newPool({ multiplexed: true, maxConnections: 1, maxQueued: 2 });
    const controller = new AbortController();
    for (let i = 0; i < 6; i++) call(pool, { signal: i % 2 === 0 ? controller.signal : new AbortController().signal });
    driver.last.open(2);
    await turn();
    driver.running[0]?.refuse();
    controller.abort();
    driver.running[0]?.send().head();
    driver.connections[0]?.lose();
    await turn();
    await pool.destroy();
    await turn();
    const count = (...wanted: string[]): number => seen.filter(({ name }) => wanted.includes(name)).length;
    expect(count("exchange:queue")).toBe(6);
    expect(count("exchange:end", "exchange:fail")).toBe(6);
    expect(count("connection:dial")).toBe(count("connection:close"));
    const open = new Set<number | undefined>();
    for (const { name, event } of seen) {
      if (name === "exchange:queue") open.add(event.exchange);
      else if (name.startsWith("exchange:") || name === "retry") expect(open).toContain(event.exchange);
      if (name === "exchange:end" || name === "exchange:fail") open.delete(event.exchange);
    }
  });

  it("carry no path, no field and no body", async () => {
    const { pool, driver } = newPool();
    call(pool, {
      url: "http://a.example/secret?token=secret",
      method: "POST",
      headers: { authorization: "secret" },
      body: "secret",
    });
    driver.last.open();
    await turn();
    current(driver).answer();
    const told = seen.map(({ event }) => JSON.stringify(event)).join();
    expect(told).not.toContain("secret");
  });

  it("may set off another exchange at once", async () => {
    const fixture = newPool({ maxConnections: 1 });
    const { pool, driver } = fixture;
    await usedConnection(fixture);
    let asked = false;
    const again = (): void => {
      if (asked) return;
      asked = true;
      call(pool);
    };
    subscribe("holdfast:exchange:start", again);
    call(pool);
    unsubscribe("holdfast:exchange:start", again);
    expect(driver.violations).toEqual([]);
    expect(pool.stats().exchanges).toEqual({ queued: 1, inFlight: 1 });
    await pool.destroy();
  });

  it.each([
    ["queue", "exchangeQueue", ["exchange:queue", "exchange:fail"]],
    ["start", "exchangeStart", ["exchange:queue", "exchange:start", "exchange:fail"]],
  ] as const)("let who hears of the %s end the exchange, which then never runs", async (_, moment, expected) => {
    const fixture = newPool({ maxConnections: 1 });
    const { pool, driver } = fixture;
    const connection = await usedConnection(fixture);
    seen = [];
    const gone = new AbortController();
    const { name } = events[moment];
    const end = (): void => gone.abort();
    subscribe(name, end);
    const ended = call(pool, { signal: gone.signal });
    unsubscribe(name, end);
    await turn();
    expect(ended.error).toMatchObject({ code: "ABORTED", delivery: "not-sent" });
    expect(driver.running).toEqual([]);
    expect(names("exchange")).toEqual(expected);
    call(pool);
    expect(connection.running).toHaveLength(1);
  });
});
