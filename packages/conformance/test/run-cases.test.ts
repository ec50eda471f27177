import {
  allCases,
  caseFor,
  expectFailure,
  hostileRule,
  inProcessOrigin,
  rule,
  runCases,
  testsOf,
  withinOneTurn,
  type Fixture,
} from "@holdfast/conformance";
import { TransportError, type Capabilities, type Transport, type TransportStats } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { until } from "../src/turn.ts";

const capabilities: Capabilities = {
  exchange: true,
  channel: false,
  multiplexed: false,
  duplex: false,
  requestTrailers: false,
  responseTrailers: false,
  informational: false,
  push: false,
};
const facts = { delivery: "not-sent", phase: "channel", protocol: "stub", origin: "http://origin.example" } as const;

/** A transport that can do nothing but close, and say so. */
function stub(idle = 0): Transport {
  const fail = (): Promise<never> => Promise.reject(new TransportError("UNSUPPORTED", "not here", facts));
  const stats = (): TransportStats => ({
    connections: { connecting: 0, active: 0, idle, draining: 0 },
    exchanges: { queued: 0, inFlight: 0 },
    totals: {} as TransportStats["totals"],
    origins: {},
  });
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    "~holdfast": { version: 1, vendor: "test", protocol: "stub", capabilities },
    protocol: "stub",
    capabilities,
    request: fail,
    open: fail,
    warm: fail,
    stats,
    close: nothing,
    destroy: nothing,
    [Symbol.asyncDispose]: nothing,
  };
}

function fixtureOf(transport: Transport): Fixture {
  return { origin: inProcessOrigin(), traits: { sockets: false }, createTransport: () => transport };
}

describe("runCases", () => {
  it("holds a transport without exchanges to that, wherever one is asked for", async () => {
    const without = { ...stub(), capabilities: { ...capabilities, exchange: false } };
    const [result] = await runCases(
      [rule("a/asks", "asks", () => Promise.reject(new Error("ran")))],
      fixtureOf(without),
    );
    expect(result).toMatchObject({ status: "replaced", missing: ["exchange"] });
    expect(result?.title).toContain('no exchange: instead of "asks"');
  });

  it("does not wait for ever for a transport that does not end", async () => {
    const endless = { ...stub(), destroy: () => new Promise<never>(() => {}) };
    const uses = rule("a/uses", "uses it", async (fixture) => {
      await fixture.createTransport();
    });
    const [result] = await runCases([uses], fixtureOf(endless), { maxCaseMs: 50 });
    expect(result).toMatchObject({ status: "failed", error: { message: "destroy() did not end within 50 ms" } });
  });

  it("tells passed from failed, and goes on", async () => {
    const error = new Error("no");
    const results = await runCases(
      [rule("a/fails", "fails", () => Promise.reject(error)), rule("a/passes", "passes", () => Promise.resolve())],
      fixtureOf(stub()),
    );
    expect(results).toEqual([
      { id: "a/fails", title: "fails", status: "failed", missing: [], inexpressible: [], error },
      { id: "a/passes", title: "passes", status: "passed", missing: [], inexpressible: [] },
    ]);
  });

  it("replaces a case that asks for what the transport lacks, and says so", async () => {
    const run = (): Promise<void> => Promise.reject(new Error("must not run"));
    const [result] = await runCases([rule("a/channel", "opens", run, "channel")], fixtureOf(stub()));
    expect(result).toMatchObject({
      status: "replaced",
      missing: ["channel"],
      title: expect.stringContaining("no channel"),
    });
  });

  it("does not run a case whose fault the origin cannot express, and says so", async () => {
    const run = (): Promise<void> => Promise.reject(new Error("must not run"));
    const needy = hostileRule("a/refuse", "is sent again", { faults: ["reset", "refuse"] }, run);
    const without = fixtureOf(stub());
    const [result] = await runCases([needy], { ...without, hostile: inProcessOrigin().hostile });
    expect(result).toMatchObject({ status: "not-applicable", title: "is sent again", inexpressible: ["refuse"] });
    const [bare] = await runCases([needy], without);
    expect(bare).toMatchObject({ status: "not-applicable", inexpressible: ["reset", "refuse"] });
  });

  it("names every case for a runner, with the reason where it does not apply", async () => {
    const needy = hostileRule("a/refuse", "is sent again", { faults: ["refuse"] }, () => Promise.resolve());
    const cases = [rule("a/passes", "passes", () => Promise.resolve()), needy];
    const tests = await testsOf(cases, { ...fixtureOf(stub()), hostile: inProcessOrigin().hostile });
    expect(tests.map(({ name, skip }) => [name, skip])).toEqual([
      ["a/passes: passes", undefined],
      ["a/refuse: is sent again", 'in process cannot express "refuse"'],
    ]);
    const [first, , last] = await testsOf(cases, fixtureOf(stub()));
    expect(first?.skip).toMatch(/^conformance is not shown: .+ the fixture has no hostile origin$/);
    expect(last?.skip).toBe('the fixture has no hostile origin (needs "refuse")');
  });

  it("does not try connections where the adapter opens none, and says so", async () => {
    const run = (): Promise<void> => Promise.reject(new Error("must not run"));
    const [result] = await runCases([{ ...rule("a/b", "is about sockets", run), sockets: true }], fixtureOf(stub()));
    expect(result).toMatchObject({ status: "not-applicable", why: "the adapter opens no sockets (traits.sockets)" });
  });

  it("fails a case that leaves its transport open", async () => {
    const leaves = rule("a/open", "open", async (fixture) => void (await fixture.createTransport()));
    const [result] = await runCases([leaves], fixtureOf(stub(1)));
    expect(result).toMatchObject({ status: "failed", error: { message: "a transport was left with idle: 1" } });
  });

  it("fails a case that leaves a timer", async () => {
    let timer: NodeJS.Timeout | undefined;
    const leaves = rule("a/timer", "timer", async () => {
      timer = setTimeout(() => {}, 60_000);
    });
    const [result] = await runCases([leaves], fixtureOf(stub()));
    clearTimeout(timer);
    expect(result).toMatchObject({ status: "failed", error: { message: "left behind: Timeout" } });
  });

  it("fails a case that leaves a rejection unhandled", async () => {
    const leaves = rule("a/rejection", "rejection", async () => void Promise.reject(new Error("stray")));
    const [result] = await runCases([leaves], fixtureOf(stub()));
    expect(result).toMatchObject({ status: "failed", error: { cause: { message: "stray" } } });
  });

  it("fails a case that hangs", async () => {
    const hangs = rule("a/hangs", "hangs", () => until("the moon to rise", () => false));
    const [result] = await runCases([hangs], fixtureOf(stub()), { maxCaseMs: 10 });
    expect(result).toMatchObject({
      status: "failed",
      error: { message: "the case did not end within 10 ms; it waited for the moon to rise" },
    });
  });
});

describe("the suite", () => {
  it("has no two cases of one id, and at least a hundred and fifty", () => {
    const ids = allCases.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBeGreaterThanOrEqual(150);
    for (const id of ids) expect(id).toMatch(/^[a-z-]+\/\S+$/);
  });

  it("has a replacement for every capability", () => {
    for (const capability of Object.keys(capabilities) as (keyof Capabilities)[]) {
      const original = rule("a/b", "needs it", () => Promise.resolve(), capability);
      expect(caseFor(original, { ...capabilities, [capability]: false }).run).not.toBe(original.run);
      expect(caseFor(original, { ...capabilities, [capability]: true })).toBe(original);
    }
  });
});

describe("expectFailure", () => {
  const error = new TransportError("CLOSED", "closed (deadlineMs)", facts);
  it("passes the error that was expected, and no other", async () => {
    expect(
      await expectFailure(Promise.reject(error), {
        code: ["ABORTED", "CLOSED"],
        phase: "channel",
        delivery: "not-sent",
        names: "deadlineMs",
      }),
    ).toBe(error);
    for (const expected of [
      { code: "ABORTED" },
      { code: "CLOSED", phase: "queue" },
      { code: "CLOSED", delivery: "refused" },
      { code: "CLOSED", names: "headMs" },
    ] as const) {
      await expect(expectFailure(Promise.reject(error), expected)).rejects.toThrow(/the error's|does not name/);
    }
    await expect(expectFailure(Promise.reject(new Error("plain")), { code: "CLOSED" })).rejects.toThrow(
      "TransportError",
    );
    const response = Promise.resolve({ status: 200, body: {} });
    for (const [promise, said] of [
      [response, "the promise resolved with a response of status 200"],
      [Promise.resolve(Buffer.alloc(5)), "the promise resolved with 5 bytes"],
      [Promise.resolve("five!"), "the promise resolved with a text of 5 characters"],
      [Promise.resolve(), "the promise resolved with nothing"],
    ] as const) {
      await expect(expectFailure(promise, { code: "CLOSED" })).rejects.toThrow(said);
    }
  });

  it("says what was expected, and where to look for a wrong delivery", async () => {
    await expect(expectFailure(Promise.reject(error), { code: "ABORTED" })).rejects.toThrow(
      "the error's code is CLOSED, and had to be ABORTED (CLOSED: closed (deadlineMs))",
    );
    const wrong = expectFailure(Promise.reject(error), { code: "CLOSED", delivery: ["maybe-sent", "refused"] });
    await expect(wrong).rejects.toThrow(
      /had to be maybe-sent or refused .*was sending\(\) called before the first byte/,
    );
  });
});

describe("withinOneTurn", () => {
  it("gives the outcome of what settles in time, and fails on what does not", async () => {
    expect(await withinOneTurn(Promise.resolve(1))).toBe(1);
    await expect(withinOneTurn(new Promise(() => {}))).rejects.toThrow("one turn");
  });
});
