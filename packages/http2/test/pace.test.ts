import { describe, expect, it } from "vitest";
import { nextPace, type Pace, startPace } from "../src/pace.ts";

const gapMs = 800;

/** The pace after each of these waits, each for all that was handed over. */
function paces(start: Pace, tookMs: readonly number[]): number[] {
  let pace = start;
  return tookMs.map((ms) => {
    pace = nextPace(pace, pace.aheadBytes, ms, gapMs);
    return pace.aheadBytes;
  });
}

describe("the pace of an upload", () => {
  it("is large within the room that the peer gave to begin with, and never beyond it", () => {
    expect(startPace(65_535).aheadBytes).toBe(32_768);
    expect(startPace(1_000).aheadBytes).toBe(1_000);
    expect(paces(startPace(65_535), [0, 0])).toEqual([32_767, 1_024]);
  });

  it("begins small without room, and grows while the peer takes it fast", () => {
    expect(startPace(0).aheadBytes).toBe(1_024);
    expect(paces(startPace(0), [1, 1, 1, 1, 1, 1, 1])).toEqual([2_048, 4_096, 8_192, 16_384, 32_768, 32_768, 32_768]);
  });

  it("shrinks when what was handed over took an eighth of the longest silence", () => {
    expect(paces({ roomBytes: 0, aheadBytes: 32_768 }, [101, 101, 101, 101])).toEqual([8_192, 2_048, 1_024, 1_024]);
  });

  it("learns nothing from the speed at which known room was filled", () => {
    expect(paces(startPace(2_000), [500, 1])).toEqual([1_024, 2_048]);
  });
});
