import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bench, makeError, turn } from "./body-bench.ts";

type Step =
  | { readonly do: "push"; readonly size: number }
  | { readonly do: "read" }
  | { readonly do: "turn" }
  | { readonly do: "end" }
  | { readonly do: "fail" }
  | { readonly do: "cancel" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      size: fc.constantFrom(0, 1, 2, 1_000, 16_384, 40_000, 65_536, 100_000),
    }),
  },
  { weight: 8, arbitrary: fc.constant<Step>({ do: "read" }) },
  { weight: 3, arbitrary: fc.constant<Step>({ do: "turn" }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: "end" }, { do: "fail" }, { do: "cancel" }) },
);

/** Runs the steps as a source that obeys `pause`, and says what the reader got and how each read came out. */
async function run(steps: readonly Step[]): Promise<void> {
  const { buffer, body, asked } = bench();
  const reader = body[Symbol.asyncIterator]();
  const error = makeError("TRUNCATED");
  const pushed: Uint8Array[] = [];
  const read: Uint8Array[] = [];
  let settled = 0;
  let begun = 0;
  let waiting = false;
  let closing: "end" | "fail" | "cancel" | undefined;
  let ended: unknown;
  let mostHeld = 0;
  const paused = (): boolean => asked.findLast((one) => one !== "cancel") === "pause";
  const next = async (): Promise<void> => {
    begun += 1;
    waiting = true;
    try {
      const { done, value } = await reader.next();
      if (done === true) ended = "done";
      else read.push(value);
    } catch (reason) {
      ended = reason;
    }
    waiting = false;
    settled += 1;
  };
  for (const one of steps) {
    if (one.do === "push" && closing === undefined && !paused()) {
      const chunk = new Uint8Array(one.size).fill(pushed.length + 1);
      if (one.size > 0) pushed.push(chunk);
      buffer.push(chunk);
    } else if (one.do === "read" && !waiting) void next();
    else if (one.do === "turn") await turn();
    else if (one.do === "end" && closing === undefined) {
      buffer.end();
      closing = "end";
    } else if (one.do === "fail" && closing === undefined) {
      buffer.fail(error);
      closing = "fail";
    } else if (one.do === "cancel") {
      await body.cancel();
      closing ??= "cancel";
    }
    const held =
      pushed.reduce((sum, chunk) => sum + chunk.byteLength, 0) - read.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    // At most the high-water mark and the chunk that crossed it, and one chunk that the reader has been given.
    mostHeld = Math.max(mostHeld, buffer.state === "cancelled" ? 0 : held);
  }
  // Whatever happened, a settled body lets the reader come to an end.
  const cancelled = steps.some((one) => one.do === "cancel");
  if (closing === undefined) buffer.end();
  while (ended === undefined || waiting) {
    if (!waiting) void next();
    await turn();
  }
  expect(mostHeld).toBeLessThan(65_536 + 100_000 + 100_000);
  expect(settled).toBe(begun);
  const alternating = asked.filter((one) => one !== "cancel");
  expect(alternating).toEqual(alternating.map((_, i) => (i % 2 === 0 ? "pause" : "resume")));
  expect(asked.filter((one) => one === "cancel")).toHaveLength(closing === "cancel" ? 1 : 0);
  // What was read is a beginning of what was pushed, and all of it unless the reader gave up.
  expect(read.map((chunk) => [chunk[0], chunk.byteLength])).toEqual(
    pushed.slice(0, read.length).map((chunk) => [chunk[0], chunk.byteLength]),
  );
  expect(cancelled || read.length === pushed.length).toBe(true);
  expect([error, "done"]).toContain(ended);
  expect(cancelled || (ended === error) === (closing === "fail")).toBe(true);
}

describe("whatever is pushed, read, ended, failed and cancelled in whatever order", () => {
  it("no chunk is lost or doubled, order is kept, pauses and resumes alternate, and every read settles", async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), run), { numRuns: 300 });
  });

  it("bytes() is all of it or an error, and settles", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 10 }), { maxLength: 10 }),
        fc.nat(10),
        fc.constantFrom("end", "fail", "cancel"),
        fc.nat(60),
        async (chunks, readAt, how, maxBytes) => {
          const { buffer, body } = bench();
          const error = makeError("TRUNCATED");
          const total = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
          let reading: Promise<unknown> | undefined;
          const read = (): void => void (reading ??= body.bytes({ maxBytes }).catch((reason: unknown) => reason));
          for (const [index, chunk] of chunks.entries()) {
            if (index === readAt) read();
            buffer.push(chunk);
          }
          read();
          if (how === "end") buffer.end();
          else if (how === "fail") buffer.fail(error);
          else await body.cancel(error);
          const result = await reading;
          const whole = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
          const within = how === "end" ? whole : error;
          const tooLong = makeError("LIMIT_EXCEEDED", `longer than ${maxBytes} bytes`);
          expect(result).toEqual(total > maxBytes ? tooLong : within);
        },
      ),
    );
  });
});
