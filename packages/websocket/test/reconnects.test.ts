import { describe, expect, it } from "vitest";
import { parseBackoff } from "../src/backoff.ts";
import { Reconnects } from "../src/reconnects.ts";

function reconnects(): Reconnects {
  return new Reconnects(parseBackoff(), () => 1);
}

describe("failures in a row", () => {
  it("are counted by origin", () => {
    const some = reconnects();
    some.failed("a", 0);
    some.failed("a", 0);
    some.failed("b", 0);
    expect(["a", "b", "c"].map((origin) => Math.round(some.waitMs(origin)))).toEqual([160, 100, 0]);
  });

  it("are dials that failed, and connections that were lost", () => {
    const some = reconnects();
    some.failed("a", 0);
    some.failed("a", 9_999);
    expect(Math.round(some.waitMs("a"))).toBe(160);
  });

  it("are forgotten after a connection that held for 10 s, also if it was lost then", () => {
    const some = reconnects();
    for (let i = 0; i < 5; i++) some.failed("a", 0);
    some.failed("a", 10_000);
    expect(some.waitMs("a")).toBe(100);
    some.ended("a", 10_000);
    expect(some.waitMs("a")).toBe(0);
  });

  it("are not forgotten after one that ended sooner", () => {
    const some = reconnects();
    some.failed("a", 0);
    some.ended("a", 9_999);
    expect(some.waitMs("a")).toBe(100);
  });

  it("are kept of a thousand origins", () => {
    const some = reconnects();
    for (let i = 0; i <= 1_000; i++) some.failed(`origin ${i}`, 0);
    expect([0, 1, 1_000].map((i) => some.waitMs(`origin ${i}`))).toEqual([0, 100, 100]);
  });
});
