import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bodyError, call, current, newPool, turn } from "./pool-fixture.ts";

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

describe("an answered exchange", () => {
  it("is not repeated, whatever the peer says afterwards", async () => {
    const { pool, driver } = newPool({ multiplexed: true });
    const one = call(pool);
    const connection = driver.last.open(2);
    await turn();
    const attempt = current(driver).send();
    attempt.head();
    attempt.refuse();
    await turn();
    expect(await bodyError(one.response)).toMatchObject({ code: "REFUSED", delivery: "answered", phase: "body" });
    await expect(one.response?.trailers).rejects.toMatchObject({ code: "REFUSED" });
    expect(connection.served).toBe(1);
    expect(pool.stats().totals).toMatchObject({ exchangesFailed: 1, exchangesReplayed: 0 });
  });

  it("gives its body and its trailers, and its lease back when the end mark came", async () => {
    const { pool, driver } = newPool();
    const one = call(pool);
    const connection = driver.last.open();
    await turn();
    const attempt = current(driver).send();
    attempt.head(200, { "x-one": "1" });
    await turn();
    expect(one.response?.headers).toEqual({ "x-one": "1" });
    expect(one.response?.timings.end).toBeUndefined();
    attempt.data("he").data("llo");
    attempt.end({ checksum: "9" });
    expect(await one.response?.body.text()).toBe("hello");
    expect(await one.response?.trailers).toEqual({ checksum: "9" });
    expect(connection.leases).toBe(0);
    expect(one.response?.timings.end).toBeDefined();
  });

  it("gives its lease back when the reader gives up", async () => {
    const { pool, driver } = newPool();
    const one = call(pool);
    const connection = driver.last.open();
    await turn();
    const attempt = current(driver).send();
    attempt.head();
    await turn();
    await one.response?.[Symbol.asyncDispose]();
    expect(attempt.discarded).toBeDefined();
    expect(connection.leases).toBe(0);
    expect(pool.stats().totals).toMatchObject({ exchangesEnded: 1, exchangesFailed: 0 });
  });

  it("fails its body with LIMIT_EXCEEDED where that is longer than limits.bodyBytes", async () => {
    const { pool, driver } = newPool({ limits: { bodyBytes: 3 } });
    const one = call(pool);
    driver.last.open();
    await turn();
    const attempt = current(driver).send();
    attempt.head();
    await turn();
    const error = bodyError(one.response);
    attempt.data("long");
    expect(await error).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "answered" });
    expect((await error).message).toContain("limits.bodyBytes");
  });
});

describe("a limit", () => {
  it("of timeouts.headMs runs from the moment at which the request is sent", async () => {
    const { pool, driver } = newPool();
    const one = call(pool, { timeouts: { headMs: 50 } });
    driver.last.open();
    await turn();
    vi.advanceTimersByTime(1_000);
    const attempt = current(driver).send();
    vi.advanceTimersByTime(49);
    await turn();
    expect(one.settled).toBe(false);
    vi.advanceTimersByTime(6);
    await turn();
    expect(one.error).toMatchObject({ code: "HEAD_TIMEOUT", phase: "head", delivery: "maybe-sent" });
    expect(one.error?.message).toContain("50 ms (timeouts.headMs)");
    expect(attempt.aborted).toEqual({ reason: one.error });
  });

  it("of timeouts.bodyGapMs is the longest silence in a response, and a paused reader does not count", async () => {
    const { pool, driver } = newPool();
    const one = call(pool, { timeouts: { bodyGapMs: 50 } });
    driver.last.open();
    await turn();
    const attempt = current(driver).send();
    attempt.head();
    await turn();
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(45);
      attempt.data("x");
    }
    attempt.data("y".repeat(100_000));
    expect(attempt.paused).toBe(true);
    attempt.data("sent before the pause was known");
    vi.advanceTimersByTime(1_000);
    const error = bodyError(one.response);
    expect(attempt.paused).toBe(false);
    vi.advanceTimersByTime(60);
    expect(await error).toMatchObject({ code: "BODY_TIMEOUT", phase: "body", delivery: "answered" });
    expect((await error).message).toContain("sent no byte of the response body for 50 ms (timeouts.bodyGapMs)");
  });

  it("of timeouts.bodyGapMs is the longest silence in sending, too", async () => {
    const { pool, driver } = newPool();
    const one = call(pool, { method: "POST", body: endless, timeouts: { bodyGapMs: 50 } });
    driver.last.open();
    await turn();
    const { exchange } = current(driver);
    exchange.sending();
    vi.advanceTimersByTime(45);
    exchange.progress();
    vi.advanceTimersByTime(45);
    await turn();
    expect(one.settled).toBe(false);
    vi.advanceTimersByTime(10);
    await turn();
    expect(one.error).toMatchObject({ code: "BODY_TIMEOUT", phase: "send", delivery: "maybe-sent" });
    expect(one.error?.message).toContain("took no byte of the request body");
  });

  it("of deadlineMs covers the body", async () => {
    const { pool, driver } = newPool();
    const one = call(pool, { deadlineMs: 100 });
    driver.last.open();
    await turn();
    current(driver).send().head();
    await turn();
    vi.advanceTimersByTime(106);
    const error = await bodyError(one.response);
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED", phase: "body", delivery: "answered" });
    expect(error.message).toContain("100 ms (deadlineMs), phase body");
  });
});

describe("a caller that gives up", () => {
  it("while its request is under way is told in the same turn, and the attempt is stopped", async () => {
    const { pool, driver } = newPool();
    const controller = new AbortController();
    const one = call(pool, { signal: controller.signal });
    driver.last.open();
    await turn();
    const attempt = current(driver).send();
    controller.abort("enough");
    await Promise.resolve();
    await Promise.resolve();
    expect(one.error).toMatchObject({ code: "ABORTED", cause: "enough", phase: "head", delivery: "maybe-sent" });
    expect(attempt.aborted).toEqual({ reason: one.error });
  });

  it("while it reads has its body fail", async () => {
    const { pool, driver } = newPool();
    const controller = new AbortController();
    const one = call(pool, { signal: controller.signal });
    driver.last.open();
    await turn();
    current(driver).send().head();
    await turn();
    const error = bodyError(one.response);
    controller.abort("enough");
    expect(await error).toMatchObject({ code: "ABORTED", cause: "enough", phase: "body", delivery: "answered" });
  });

  it("while a dial is under way for it leaves no dial behind", async () => {
    const { pool, driver } = newPool();
    const controller = new AbortController();
    const one = call(pool, { signal: controller.signal });
    controller.abort();
    await turn();
    expect(one.error).toMatchObject({ code: "ABORTED", phase: "connect", delivery: "not-sent" });
    expect(driver.last.state).toBe("cancelled");
    expect(pool.stats().origins).toEqual({});
  });

  it("has the clean-up of its request body run", async () => {
    const { pool, driver } = newPool();
    let cleaned = false;
    async function* body(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield Buffer.from("x");
      } finally {
        cleaned = true;
      }
    }
    const controller = new AbortController();
    call(pool, { method: "POST", body, signal: controller.signal });
    driver.last.open();
    await turn();
    await current(driver).exchange.body.chunks().next();
    controller.abort();
    await turn();
    expect(cleaned).toBe(true);
  });
});

describe("the caller's own code", () => {
  it("is heard where its body fails", async () => {
    const { pool, driver } = newPool();
    const one = call(pool, { method: "POST", body: endless });
    driver.last.open();
    await turn();
    const attempt = current(driver);
    attempt.exchange.sending();
    attempt.exchange.failBody(new Error("disk"));
    await turn();
    expect(one.error).toMatchObject({ code: "ABORTED", phase: "send", delivery: "maybe-sent" });
    expect(one.error?.cause).toMatchObject({ message: "disk" });
    expect(attempt.aborted).toBeDefined();
  });

  it("sees 1xx heads in order, and ends the exchange if it throws", async () => {
    const { pool, driver } = newPool();
    const seen: number[] = [];
    const one = call(pool, {
      onInformational: ({ status }) => {
        seen.push(status);
        if (status === 103) throw new Error("no");
      },
    });
    driver.last.open();
    await turn();
    const { exchange } = current(driver).send();
    exchange.informational(102, {});
    exchange.informational(103, {});
    await turn();
    expect(seen).toEqual([102, 103]);
    expect(one.error).toMatchObject({ code: "ABORTED" });
    expect(one.error?.message).toContain("onInformational");
  });

  it("need not bear more 1xx heads than anybody uses", async () => {
    const { pool, driver } = newPool();
    call(pool);
    driver.last.open();
    await turn();
    const { exchange } = current(driver).send();
    const accepted = Array.from({ length: 20 }, () => exchange.informational(100, {}));
    expect(accepted.filter(Boolean)).toHaveLength(16);
  });
});

describe("the timings", () => {
  it("of a first exchange tell the dial, those of a later one do not", async () => {
    const { pool, driver } = newPool();
    const one = call(pool);
    const at = performance.now();
    vi.advanceTimersByTime(30);
    driver.last.open(1, { resolvedAt: at + 10, connectedAt: at + 20, readyAt: at + 30 });
    await turn();
    vi.advanceTimersByTime(5);
    current(driver).send();
    vi.advanceTimersByTime(5);
    current(driver).head();
    current(driver).end();
    await turn();
    const { queued, resolved, connected, secured, ready, sent, firstByte, end } = one.response?.timings ?? {};
    expect([queued, resolved, connected, ready, sent, firstByte, end]).toEqual([0, 10, 20, 30, 35, 40, 40]);
    expect(secured).toBeUndefined();
    const two = call(pool);
    current(driver).answer();
    await turn();
    expect(two.response?.timings).toEqual({ queued: 0, sent: 0, firstByte: 0, end: 0 });
  });

  it("count the wait for a lease as queued", async () => {
    const { pool, driver } = newPool({ maxConnections: 1 });
    call(pool);
    driver.last.open();
    await turn();
    const one = call(pool);
    vi.advanceTimersByTime(25);
    current(driver).answer();
    current(driver).answer();
    await turn();
    expect(one.response?.timings.queued).toBe(25);
  });
});
