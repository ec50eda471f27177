import type { Fields } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { tooManyFields } from "../src/response-limits.ts";
import { bodyError, call, current, type Fixture, newPool, turn, usedConnection } from "./pool-fixture.ts";

const origin = "http://a.example";

/** So many fields of one line each. */
function fields(count: number): Fields {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, "1"]));
}

const many = (count: number): string[] => Array.from({ length: count }, (_, n) => `c=${n}`);

describe("fields", () => {
  it.each([
    ["none", {}, 0],
    ["one to a name", fields(7), 7],
    ["several to a name", { "set-cookie": many(5), link: ["a", "b"], date: "now" }, 8],
    ["a list of one", { "set-cookie": ["a"] }, 1],
    ["a list of none", { "set-cookie": [] }, 0],
  ])("are counted by line: %s", (_, given, lines) => {
    expect(tooManyFields(given, { maxFields: lines }, origin, "head")).toBeUndefined();
    if (lines > 0)
      expect(tooManyFields(given, { maxFields: lines - 1 }, origin, "head")).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });
});

async function running(
  options: Parameters<typeof newPool>[0] = {},
): Promise<Fixture & { one: ReturnType<typeof call> }> {
  const fixture = newPool({ multiplexed: true, ...options });
  await usedConnection(fixture, 10);
  return { ...fixture, one: call(fixture.pool) };
}

describe("a response head", () => {
  it("of 128 fields is taken", async () => {
    const { driver, one } = await running();
    current(driver).send().head(200, fields(128));
    await turn();
    expect(Object.keys(one.response?.headers ?? {})).toHaveLength(128);
  });

  it("of more ends its exchange, which is not repeated, and its attempt", async () => {
    const { pool, driver, one } = await running();
    const attempt = current(driver);
    expect(attempt.send().head(200, fields(129))).toBe(false);
    await turn();
    expect(one.error).toMatchObject({
      code: "LIMIT_EXCEEDED",
      phase: "head",
      delivery: "maybe-sent",
      origin,
      message: `${origin} sent a head of more than 128 fields (limits.maxFields)`,
    });
    expect(attempt.aborted).toBeDefined();
    expect(pool.stats()).toMatchObject({ exchanges: { inFlight: 0 }, totals: { exchangesReplayed: 0 } });
  });

  it("of one field with many lines is counted by line", async () => {
    const { driver, one } = await running();
    current(driver)
      .send()
      .head(200, { "set-cookie": many(129) });
    await turn();
    expect(one.error?.code).toBe("LIMIT_EXCEEDED");
  });

  it("has the limit of limits.maxFields", async () => {
    const { driver, one } = await running({ limits: { maxFields: 2 } });
    current(driver).send().head(200, fields(3));
    await turn();
    expect(one.error?.message).toContain("2 fields (limits.maxFields)");
  });

  it("that is interim has it, too", async () => {
    const { driver, one } = await running();
    const attempt = current(driver).send();
    attempt.exchange.informational(103, fields(128));
    await turn();
    expect(one.settled).toBe(false);
    attempt.exchange.informational(103, fields(129));
    await turn();
    expect(one.error).toMatchObject({ code: "LIMIT_EXCEEDED", phase: "head" });
    expect(attempt.aborted).toBeDefined();
  });
});

describe("trailers", () => {
  it("of 128 fields are taken", async () => {
    const { driver, one } = await running();
    const attempt = current(driver).send();
    attempt.head();
    attempt.end(fields(128));
    await turn();
    expect(Object.keys((await one.response?.trailers) ?? {})).toHaveLength(128);
  });

  it("of more fail the body and the trailers; the connection goes on", async () => {
    const { pool, driver, one } = await running();
    const attempt = current(driver).send();
    attempt.head();
    attempt.data("all of it").end(fields(129));
    await turn();
    expect(await bodyError(one.response)).toMatchObject({
      code: "LIMIT_EXCEEDED",
      phase: "body",
      delivery: "answered",
      message: `${origin} sent trailers of more than 128 fields (limits.maxFields)`,
    });
    await expect(one.response?.trailers).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(attempt.aborted).toBeUndefined();
    const next = call(pool);
    current(driver).answer();
    await turn();
    expect(next.response?.connection.reused).toBe(true);
    expect(pool.stats().totals).toMatchObject({ exchangesFailed: 1, connectionsOpened: 1 });
  });
});
