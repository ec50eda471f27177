import { describe, expect, it } from "vitest";
import { maxOverlap } from "../src/max-overlap.ts";

describe("the greatest overlap", () => {
  it.each([
    ["of none", [], [], 0],
    ["of one", [1], [2], 1],
    ["of spans that follow each other", [1, 2, 3], [2, 3, 4], 1],
    ["of spans within a longer one", [0, 1, 3], [9, 2, 4], 2],
    ["in any order", [5, 0, 4], [7, 6, 9], 3],
    ["of spans without length", [1, 1], [1, 1], 0],
  ] as const)("%s", (_, starts, ends, most) => {
    expect(maxOverlap([...starts], [...ends])).toBe(most);
  });
});
