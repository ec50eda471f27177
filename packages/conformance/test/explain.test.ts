import assert from "node:assert/strict";
import { expect, it } from "vitest";
import { explain } from "../src/cli/explain.ts";

function thrown(act: () => void): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

it.each([
  ["two values", () => assert.equal(2, 1), "it was 2, and had to be 1"],
  ["two lists", () => assert.deepEqual(["a"], []), "it was [ 'a' ], and had to be []"],
  ["what the case says", () => assert.equal(2, 1, "it ran 2 times"), "it ran 2 times"],
  ["what the case says of two lists", () => assert.deepEqual([1], [], "seen"), "seen: it was [ 1 ], and had to be []"],
  ["what is false", () => assert.ok([1].length > 1, "too few"), "too few"],
] as const)("a failed comparison is explained by %s", (_, act, said) => {
  expect(explain(thrown(act))).toBe(said);
});

it("an error is explained with its causes, each by its first line", () => {
  const cause = new Error("ECONNRESET", { cause: "a cable" });
  expect(explain(new Error("it was lost\nand more", { cause }))).toBe(
    "it was lost, because: ECONNRESET, because: a cable",
  );
  expect(explain(undefined)).toBe("");
});
