import { describe, expect, it } from "vitest";
import { within } from "../src/within.ts";

const late = (): Error => new Error("late");

describe("a wait with a limit", () => {
  it("settles as what it waits for", async () => {
    await expect(within(Promise.resolve(1), 60_000, late)).resolves.toBe(1);
    await expect(within(Promise.reject(new Error("own")), 60_000, late)).rejects.toThrow("own");
  });

  it("ends by itself", async () => {
    await expect(within(new Promise(() => undefined), 1, late)).rejects.toThrow("late");
  });
});
