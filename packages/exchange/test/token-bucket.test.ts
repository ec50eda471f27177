import { describe, expect, it } from "vitest";
import { TokenBucket } from "../src/token-bucket.ts";

function taken(bucket: TokenBucket, times: number, now: number): number {
  let count = 0;
  for (let i = 0; i < times; i++) if (bucket.take(now)) count++;
  return count;
}

describe("a bucket", () => {
  it("lets a burst through, and then as many as its rate", () => {
    const bucket = new TokenBucket(10, 200);
    expect(taken(bucket, 50, 1_000)).toBe(10);
    expect(taken(bucket, 50, 1_000)).toBe(0);
    expect(taken(bucket, 50, 1_020)).toBe(4);
    expect(taken(bucket, 50, 2_020)).toBe(10);
  });

  it("does not lose what is less than one", () => {
    const bucket = new TokenBucket(1, 100);
    bucket.take(0);
    expect([4, 8, 10, 12].map((now) => bucket.take(now))).toEqual([false, false, true, false]);
  });
});
