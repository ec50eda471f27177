import { expect, it } from "vitest";
import { RecentIds } from "../src/recent-ids.ts";

it("an id is new once, until as many others came after it", () => {
  const recent = new RecentIds(3);
  expect(["a", "b", "a", "c", "a"].map((id) => recent.add(id))).toEqual([true, true, false, true, false]);
  expect(recent.add("d")).toBe(true);
  expect(recent.add("b")).toBe(false);
  expect(recent.add("a")).toBe(true);
});
