import { describe, expect, it } from "vitest";
import { ledgerApplication } from "../src/ledger/application.ts";
import type { Claim } from "../src/ledger/claims.ts";
import { disagreementOf } from "../src/ledger/disagreement.ts";
import { Journal } from "../src/ledger/journal.ts";
import { type Plan, planOf } from "../src/ledger/plan.ts";

const get: Plan = { ...planOf(1, 1), id: 7, method: "GET", deadlineMs: 100 };
const post: Plan = { ...get, method: "POST" };
const ok: Claim = { outcome: "ok", elapsedMs: 10 };
const lost: Claim = { outcome: "CONNECTION_LOST maybe-sent", elapsedMs: 10 };
const unsent: Claim = { outcome: "CONNECT_FAILED not-sent", message: "no connection", elapsedMs: 10 };
const refused: Claim = { outcome: "REFUSED refused", elapsedMs: 10 };

describe("client and server", () => {
  it.each([
    ["a success that was executed", post, ok, 1],
    ["a success that was executed again for a GET", get, ok, 2],
    ["a failure that may have been executed", post, lost, 1],
    ["a failure that may not", post, lost, 0],
    ["nothing sent, nothing executed", post, unsent, 0],
    ["refused, not executed", get, refused, 0],
  ])("agree on %s", (_, plan, claim, executions) => {
    expect(disagreementOf(plan, claim, executions, 50)).toBeUndefined();
  });

  it.each([
    ["lost", get, ok, 0],
    ["twice", post, ok, 2],
    ["twice", post, lost, 2],
    ["too-often", get, ok, 3],
    ["not-sent", get, unsent, 1],
    ["not-sent", post, refused, 1],
    ["answer", get, { ...ok, wrong: "other bytes came" }, 1],
    ["late", get, { ...ok, elapsedMs: 151 }, 1],
    ["late", get, { outcome: "still open", elapsedMs: Infinity }, 0],
  ])("disagree by the rule %s", (rule, plan, claim, executions) => {
    expect(disagreementOf(plan, claim, executions, 50)).toMatchObject({ rule, id: 7 });
  });
});

describe("a plan", () => {
  it("is the same for the same seed and number", () => {
    expect(planOf(3, 9)).toEqual(planOf(3, 9));
    expect(planOf(3, 9)).not.toEqual(planOf(4, 9));
  });

  it("is of every kind", () => {
    const plans = Array.from({ length: 2_000 }, (_, id) => planOf(1, id));
    expect(new Set(plans.map(({ method }) => method))).toEqual(new Set(["GET", "PUT", "POST"]));
    expect(new Set(plans.map(({ body }) => body))).toEqual(new Set(["none", "bytes", "function", "once"]));
    expect(plans.some(({ abort }) => abort === "head")).toBe(true);
    expect(plans.some(({ deadlineMs }) => deadlineMs < 60)).toBe(true);
    expect(plans.every(({ method, body }) => (method === "GET") === (body === "none"))).toBe(true);
  });
});

describe("the journal", () => {
  it("counts each execution, and those under way", () => {
    const journal = new Journal(10);
    const end = journal.begin(3);
    journal.begin(3)();
    expect([journal.executions(3), journal.executions(4), journal.open]).toEqual([2, 0, 1]);
    end();
    end();
    expect(journal.open).toBe(0);
  });
});

describe("the server's side", () => {
  it("has ended an execution when its head could not be written, and nobody reads its body", async () => {
    const journal = new Journal(10);
    const { handler } = ledgerApplication(journal);
    const response = await handler({
      method: "GET",
      url: new URL("http://origin.example/3?bytes=10"),
      headers: {},
      body: (async function* () {})(),
      trailers: Promise.resolve({}),
      signal: new AbortController().signal,
      informational: () => {},
    });
    expect(response.headers).toMatchObject({ "x-id": "3", "content-length": "10" });
    expect([journal.executions(3), journal.open]).toEqual([1, 0]);
  });
});
