import { type Phase, TransportError, type TransportResponse } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { type Run, startRun } from "../src/run.ts";
import { entries } from "../src/transports.ts";
import { StalledError } from "../src/workload.ts";

function failure(phase: Phase): TransportError {
  const facts = { delivery: "maybe-sent", phase, protocol: "http/1.1", origin: "http://a.example" } as const;
  return new TransportError("CONNECTION_LOST", "lost", facts);
}

function run(
  concurrency: number,
  signal: AbortSignal = new AbortController().signal,
): Run["observer"] & Pick<Run, "meter"> {
  const [entry] = entries;
  if (entry === undefined) throw new Error("there are entries");
  const transport = entry.create({ concurrency, timeoutMs: 1_000, ca: undefined, insecure: false });
  const workload = { method: "GET", headers: {}, body: undefined, requests: 100, concurrency, timeoutMs: 1_000 };
  const { observer, meter } = startRun(entry, transport, { workload, signal });
  return Object.assign(observer, { meter });
}

/** How many failures it takes. */
function failuresUntilDoomed(concurrency: number, phase: Phase): number {
  const observer = run(concurrency);
  let failures = 0;
  while (!observer.doomed) {
    observer.failed(failure(phase));
    failures += 1;
  }
  return failures;
}

const response = {
  status: 200,
  headers: {},
  connection: { id: "h1-1", protocol: "http/1.1", origin: "http://a.example", reused: false, exchangeIndex: 0 },
  timings: { queued: 0, firstByte: 1, end: 1 },
} as unknown as TransportResponse;

describe("a run is doomed", () => {
  it.each([
    [16, "connect", 5],
    [1, "secure", 5],
    [1, "head", 10],
    [16, "head", 32],
  ] as const)("with %d workers after failures in phase %s: %d", (concurrency, phase, failures) => {
    expect(failuresUntilDoomed(concurrency, phase)).toBe(failures);
  });

  it("after one exchange that was given up for its silence", () => {
    const observer = run(16);
    observer.failed(new StalledError(1_000));
    expect(observer.doomed).toBe(true);
  });

  it("not if an answer comes in between", () => {
    const observer = run(16);
    for (let i = 0; i < 4; i += 1) observer.failed(failure("connect"));
    observer.answered(response, new Uint8Array(), 0, 1);
    for (let i = 0; i < 4; i += 1) observer.failed(failure("connect"));
    expect([observer.doomed, observer.done]).toEqual([false, false]);
    observer.failed(failure("connect"));
    expect([observer.doomed, observer.done]).toEqual([true, true]);
  });
});

describe("an interrupted run", () => {
  it("is done, and does not count the failures of the interrupt", () => {
    const interrupt = new AbortController();
    const observer = run(16, interrupt.signal);
    observer.failed(failure("head"));
    interrupt.abort();
    observer.failed(failure("head"));
    expect({ done: observer.done, doomed: observer.doomed, failed: observer.meter.failed }).toEqual({
      done: true,
      doomed: false,
      failed: 1,
    });
  });
});
