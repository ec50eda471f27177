import { describe, expect, it } from "vitest";
import { parseBackoff } from "../src/backoff.ts";
import { failuresAfter, Reconnects } from "../src/reconnects.ts";

function reconnects(): Reconnects {
  return new Reconnects(parseBackoff(), () => 1);
}

describe("failures in a row", () => {
  it("are counted by origin", () => {
    const some = reconnects();
    some.failed("a", undefined);
    some.failed("a", undefined);
    some.failed("b", undefined);
    expect(["a", "b", "c"].map((origin) => Math.round(some.waitMs(origin)))).toEqual([160, 100, 0]);
  });

  it("are dials that failed, and connections that were lost", () => {
    const some = reconnects();
    some.failed("a", undefined);
    some.lost("a", { stoodMs: 9_999, answered: false });
    expect(Math.round(some.waitMs("a"))).toBe(160);
  });

  it("are forgotten after a connection that held for 10 s, also if it was lost then", () => {
    const some = reconnects();
    for (let i = 0; i < 5; i++) some.failed("a", undefined);
    some.lost("a", { stoodMs: 10_000, answered: false });
    expect(some.waitMs("a")).toBe(100);
    some.ended("a", 10_000);
    expect(some.waitMs("a")).toBe(0);
  });

  it("are not forgotten after one that ended sooner", () => {
    const some = reconnects();
    some.failed("a", undefined);
    some.ended("a", 9_999);
    expect(some.waitMs("a")).toBe(100);
  });

  it("are forgotten when a connection has answered, not when it ends", () => {
    const some = reconnects();
    for (let i = 0; i < 5; i++) some.failed("a", undefined);
    some.answered("a");
    expect(some.waitMs("a")).toBe(0);
  });

  it("are one when a connection that had answered is lost under exchanges, and as many as there were since if those are more", () => {
    const some = reconnects();
    for (let i = 0; i < 5; i++) {
      some.answered("a");
      some.lost("a", { stoodMs: 1, answered: true });
      expect(some.waitMs("a")).toBe(100);
    }
    for (let i = 0; i < 3; i++) some.failed("a", undefined);
    some.lost("a", { stoodMs: 60_000, answered: true });
    expect(Math.round(some.waitMs("a"))).toBe(410);
  });

  it.each([
    [0, 0, false, 1],
    [4, 9_999, false, 5],
    [4, 10_000, false, 1],
    [0, 0, true, 1],
    [1, 0, true, 1],
    [4, 0, true, 4],
    [4, 10_000, true, 4],
  ])("are, after %i and a loss after %i ms (answered: %s), %i", (before, stoodMs, answered, after) => {
    expect(failuresAfter(before, { stoodMs, answered })).toBe(after);
  });

  it("are kept of a thousand origins", () => {
    const some = reconnects();
    for (let i = 0; i <= 1_000; i++) some.failed(`origin ${i}`, undefined);
    expect([0, 1, 1_000].map((i) => some.waitMs(`origin ${i}`))).toEqual([0, 100, 100]);
  });
});
