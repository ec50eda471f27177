import { describe, expect, it } from "vitest";
import { tickets } from "../src/tickets.ts";

describe("the ticket cache", () => {
  it("forgets the least recently used origin", () => {
    const kept = tickets(2);
    kept.set("https://a", Buffer.from("a"));
    kept.set("https://b", Buffer.from("b"));
    kept.get("https://a");
    kept.set("https://c", Buffer.from("c"));
    expect(kept.get("https://b")).toBeUndefined();
    expect(kept.get("https://a")?.toString()).toBe("a");
    expect(kept.get("https://c")?.toString()).toBe("c");
  });

  it("keeps the newest ticket of an origin", () => {
    const kept = tickets(2);
    kept.set("https://a", Buffer.from("old"));
    kept.set("https://a", Buffer.from("new"));
    expect(kept.get("https://a")?.toString()).toBe("new");
    kept.delete("https://a");
    expect(kept.get("https://a")).toBeUndefined();
  });
});
