import { describe, expect, it } from "vitest";
import type { Adapter } from "../src/adapters.ts";
import { outcomeOf } from "../src/outcome.ts";
import { comparisonOf, fresh, kept, targetResult, transportResult } from "./fixed-comparison.ts";

describe("the outcome of a run with an adapter", () => {
  const entry = { name: "adapter:./mine.js", title: "mine", protocol: "own", brought: true } as Adapter["entry"];
  const adapters = [{ entry, module: "./mine.js", vendor: "somebody" }];
  const leftOut = [{ name: entry.name, title: entry.title, error: new Error("no") }];
  const measured = targetResult({ results: [fresh, kept, transportResult(entry)] });

  it("is ok if it was measured at one origin of two", () => {
    expect(outcomeOf({ ...comparisonOf(measured, targetResult({ leftOut })), adapters })).toBe("ok");
  });

  it("is failed if it was left out everywhere", () => {
    expect(outcomeOf({ ...comparisonOf(targetResult({ leftOut })), adapters })).toBe("failed");
  });
});
