import type { PushedExchange, TransportError } from "@holdfast/transport";
import { isTransportError } from "@holdfast/transport";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Attempt } from "../src/driver.ts";
import type { Push } from "../src/push.ts";
import { call, current, type Fixture, newPool, turn, url } from "./pool-fixture.ts";

const request: PushedExchange["request"] = { url: new URL(url), method: "GET", headers: {} };

/** What the driver was told to do with the stream of a push. */
class PushedStream implements Attempt {
  readonly told: string[] = [];
  pause(): void {
    this.told.push("pause");
  }
  resume(): void {
    this.told.push("resume");
  }
  abort(): void {
    this.told.push("abort");
  }
  discard(): void {
    this.told.push("discard");
  }
}

interface Promised extends Fixture {
  readonly push: Push;
  readonly stream: PushedStream;
  readonly taken: PushedExchange;
}

/** An exchange under way, for which one response is promised. */
async function begun(options: Parameters<typeof call>[1] = {}): Promise<Promised> {
  const fixture = newPool();
  const heard: PushedExchange[] = [];
  call(fixture.pool, { onPush: (push) => void heard.push(push), ...options });
  fixture.driver.last.open();
  await turn();
  const stream = new PushedStream();
  const push = current(fixture.driver).send().exchange.pushed(request, stream);
  const [taken] = heard;
  if (push === undefined || taken === undefined) throw new Error("nobody wants it");
  return { ...fixture, push, stream, taken };
}

async function errorOf(promise: Promise<unknown>): Promise<TransportError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isTransportError(error)) throw new Error("it did not fail with a TransportError");
  return error;
}

describe("a pushed response", () => {
  it("gives its head, and its body as it comes", async () => {
    const { push, taken } = await begun();
    expect(taken.request).toBe(request);
    push.head(200, { "x-a": "1" });
    push.data(Buffer.from("one"));
    push.data(Buffer.from("two"));
    push.end();
    expect(await taken.status).toBe(200);
    expect(await taken.headers).toEqual({ "x-a": "1" });
    expect(await taken.body.text()).toBe("onetwo");
  });

  it("makes its peer wait while its reader is behind", async () => {
    const { push, taken, stream } = await begun();
    push.head(200, {});
    push.data(new Uint8Array(70_000));
    expect(stream.told).toEqual(["pause"]);
    const bytes = taken.body.bytes();
    expect(stream.told).toEqual(["pause", "resume"]);
    push.end();
    expect((await bytes).byteLength).toBe(70_000);
  });

  it("that is cancelled before its head tells so to whoever waits for that", async () => {
    const { taken, stream } = await begun();
    await taken.body.cancel(new Error("enough"));
    expect(stream.told).toEqual(["discard"]);
    expect(await errorOf(taken.status)).toMatchObject({ code: "ABORTED", cause: { message: "enough" } });
    expect(await errorOf(taken.headers)).toMatchObject({ code: "ABORTED" });
  });

  it("whose head has more fields than limits.maxFields fails with LIMIT_EXCEEDED, its stream is reset", async () => {
    const { push, taken, stream } = await begun();
    expect(push.head(200, { "set-cookie": Array.from({ length: 129 }, () => "a=b") })).toBe(false);
    expect(stream.told).toEqual(["abort"]);
    expect(await errorOf(taken.status)).toMatchObject({ code: "LIMIT_EXCEEDED", phase: "head" });
    expect(await errorOf(taken.body.bytes())).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("that is longer than its reader takes fails with LIMIT_EXCEEDED", async () => {
    const { push, taken, stream } = await begun();
    push.head(200, {});
    const bytes = errorOf(taken.body.bytes({ maxBytes: 10 }));
    push.data(new Uint8Array(11));
    expect(await bytes).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(stream.told).toEqual(["discard"]);
  });

  it("takes sixteen interim heads, and no more", async () => {
    const { push } = await begun();
    for (let i = 0; i < 16; i++) expect(push.informational()).toBe(true);
    expect(push.informational()).toBe(false);
  });

  it("fails with the exchange that it was promised for, but outlives one that ended well", async () => {
    const failing = await begun();
    current(failing.driver).exchange.abort(new Error("enough"));
    expect(failing.stream.told).toEqual(["abort"]);
    expect(await errorOf(failing.taken.status)).toMatchObject({ code: "ABORTED" });

    const ending = await begun();
    current(ending.driver).answer();
    await turn();
    expect(ending.stream.told).toEqual([]);
    ending.push.head(200, {});
    ending.push.end();
    expect(await ending.taken.body.text()).toBe("");
  });

  it("is not wanted by an exchange that is over", async () => {
    const { driver } = await begun();
    const { exchange } = current(driver);
    current(driver).answer();
    expect(exchange.pushed(request, new PushedStream())).toBeUndefined();
  });

  it("ends with the pool", async () => {
    const { pool, taken, stream } = await begun();
    await pool.destroy(new Error("over"));
    expect(await errorOf(taken.status)).toMatchObject({ code: "CLOSED", cause: { message: "over" } });
    expect(stream.told).toEqual(["abort"]);
  });
});

describe("the limits of a pushed response", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());
  const timeouts = { headMs: 100, bodyGapMs: 1_000 };
  const afterMain = async (options: Parameters<typeof call>[1]): Promise<Promised> => {
    const fixture = await begun(options);
    current(fixture.driver).answer();
    return fixture;
  };
  const later = (ms: number): void => void vi.advanceTimersByTime(ms);

  it("are headMs from its promise to its head", async () => {
    const { taken, stream } = await afterMain({ timeouts });
    later(99);
    expect(stream.told).toEqual([]);
    later(10);
    expect(await errorOf(taken.status)).toMatchObject({ code: "HEAD_TIMEOUT" });
    expect(stream.told).toEqual(["abort"]);
  });

  it("are bodyGapMs of silence in its body", async () => {
    const { push, taken, stream } = await afterMain({ timeouts });
    push.head(200, {});
    const text = errorOf(taken.body.text());
    for (let i = 0; i < 3; i++) {
      later(900);
      push.data(Buffer.from("x"));
    }
    expect(stream.told).toEqual([]);
    later(1_010);
    expect(await text).toMatchObject({ code: "BODY_TIMEOUT" });
  });

  it("are bodyGapMs until its reader begins, whatever comes meanwhile", async () => {
    const { push, taken, stream } = await afterMain({ timeouts });
    push.head(200, {});
    for (let i = 0; i < 9; i++) {
      later(100);
      push.data(Buffer.from("x"));
    }
    expect(stream.told).toEqual([]);
    later(110);
    expect(stream.told).toEqual(["abort"]);
    expect((await errorOf(taken.body.text())).message).toContain("nobody began to read");
  });

  it("do not count what its reader makes it wait", async () => {
    const { push, taken, stream } = await afterMain({ timeouts });
    push.head(200, {});
    const reading = taken.body[Symbol.asyncIterator]();
    push.data(new Uint8Array(70_000));
    later(50_000);
    expect(stream.told).toEqual(["pause"]);
    expect((await reading.next()).value).toHaveLength(70_000);
    push.end();
  });

  it("are the deadline of the exchange that it was promised for", async () => {
    const { push, taken } = await afterMain({ deadlineMs: 5_000 });
    push.head(200, {});
    const text = errorOf(taken.body.text());
    later(5_010);
    expect(await text).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });
});

describe("a driver whose connections take pushes", () => {
  it("gets exchanges with onPush on connections of their own, which count with those of the origin", async () => {
    const { pool, driver } = newPool({ maxConnections: 1 });
    driver.pushes = true;
    const plain = call(pool);
    const taking = call(pool, { onPush: () => {} });
    const waiting = call(pool, { onPush: () => {} });
    expect(driver.dials.map(({ push }) => push)).toEqual([false, true]);
    for (const dial of driver.dials) dial.open();
    await turn();
    expect(pool.stats()).toMatchObject({
      connections: { active: 2 },
      exchanges: { queued: 1, inFlight: 2 },
      origins: { "http://a.example": { connections: { active: 2 } } },
    });
    while (driver.running.length > 0) {
      current(driver).answer();
      await turn();
    }
    expect([plain, taking, waiting].every(({ response }) => response !== undefined)).toBe(true);
    expect(driver.dials).toHaveLength(2);
    await pool.close();
    expect(pool.stats().origins).toEqual({});
  });

  it("is no other: elsewhere onPush changes nothing", async () => {
    const { pool, driver } = newPool({ maxConnections: 1 });
    call(pool);
    call(pool, { onPush: () => {} });
    expect(driver.dials.map(({ push }) => push)).toEqual([false]);
    await pool.destroy();
  });
});
