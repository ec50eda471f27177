import { describe, expect, it } from "vitest";
import { type Answer, answerLedger, type AnswerLedger, judgeAnswers } from "../src/equality.ts";

function answer(body: string, changes: Partial<Answer> = {}): Answer {
  return { status: 200, headers: { "content-type": "text/plain", date: "now" }, body: Buffer.from(body), ...changes };
}

function ledgerOf(transport: string, ...answers: readonly Answer[]): AnswerLedger {
  const ledger = answerLedger(transport);
  for (const one of answers) ledger.record(one);
  return ledger;
}

describe("answers that are equal over every transport", () => {
  it("are equal, whatever the volatile fields say", () => {
    const later = answer("a", { headers: { "content-type": "text/plain", date: "later", connection: "close" } });
    const equality = judgeAnswers(
      [answer("a"), later],
      [ledgerOf("fresh", answer("a"), later), ledgerOf("kept", later, answer("a"))],
    );
    expect(equality).toEqual({ verdict: "equal", differences: [], varying: [], ignoredFields: ["date"] });
  });

  it("may have several values of one field", () => {
    const cookies = (...values: readonly string[]): Answer => answer("a", { headers: { "set-cookie": values } });
    const equal = judgeAnswers([cookies("a", "b")], [ledgerOf("fresh", cookies("a", "b"), cookies("a", "b"))]);
    expect(equal.verdict).toBe("equal");
    const different = judgeAnswers([cookies("a", "b")], [ledgerOf("fresh", cookies("a", "b"), cookies("a", "c"))]);
    expect(different.verdict).toBe("different");
  });
});

describe("an answer that differs within a transport", () => {
  const cases: readonly (readonly [Answer, string, string])[] = [
    [answer("a", { status: 503 }), "status", "status 503 instead of 200"],
    [answer("b"), "body", "a body that differs from byte 0 on"],
    [answer("ab"), "body", "a body of 2 bytes instead of 1"],
    [
      answer("a", { headers: { "content-type": "text/html" } }),
      "field content-type",
      "another value of the field content-type",
    ],
    [answer("a", { headers: {} }), "field content-type", "no field content-type"],
    [answer("a", { headers: { "content-type": "text/plain", etag: "1" } }), "field etag", "an additional field etag"],
  ];

  it.each(cases)("is found and told: %j", (odd, part, detail) => {
    const ledgers = [ledgerOf("fresh", answer("a"), answer("a")), ledgerOf("kept", answer("a"), odd, odd)];
    expect(judgeAnswers([answer("a"), answer("a")], ledgers)).toMatchObject({
      verdict: "different",
      differences: [{ transport: "kept", part, answers: 2, detail }],
    });
  });
});

describe("a transport whose answers agree but are not the baseline's", () => {
  it("is told against the baseline", () => {
    const ledgers = [ledgerOf("fresh", answer("abcd")), ledgerOf("kept", answer("abXd"))];
    expect(judgeAnswers([answer("abcd")], ledgers).differences).toEqual([
      { transport: "kept", part: "body", answers: 0, detail: "a body that differs from byte 2 on" },
    ]);
  });
});

describe("a body that varies by itself", () => {
  const kept = ledgerOf("kept", answer("12:00:03"), answer("12:00:04"));
  const fresh = ledgerOf("fresh", answer("12:00:05"), answer("12:00:06"));

  it("is known by two probes over the same transport", () => {
    expect(
      judgeAnswers([answer("12:00:01"), answer("12:00:02")], [ledgerOf("fresh", answer("12:00:05")), kept]),
    ).toMatchObject({
      verdict: "varies",
      differences: [],
      varying: ["body"],
    });
  });

  it("is known by variation over every transport", () => {
    expect(judgeAnswers([answer("12:00:01"), answer("12:00:01")], [fresh, kept]).verdict).toBe("varies");
  });

  it("is not excused if one transport alone varies", () => {
    const steady = ledgerOf("fresh", answer("12:00:01"), answer("12:00:01"));
    expect(judgeAnswers([answer("12:00:01"), answer("12:00:01")], [steady, kept]).verdict).toBe("different");
  });

  it("still has its status compared", () => {
    const ledgers = [fresh, ledgerOf("kept", answer("12:00:03"), answer("12:00:04", { status: 500 }))];
    expect(judgeAnswers([answer("12:00:01"), answer("12:00:02")], ledgers).differences).toEqual([
      { transport: "kept", part: "status", answers: 1, detail: "status 500 instead of 200" },
    ]);
  });

  it("still has its length class compared", () => {
    const ledgers = [fresh, ledgerOf("kept", answer("12:00:03"), answer(""))];
    expect(judgeAnswers([answer("12:00:01"), answer("12:00:02")], ledgers).differences).toEqual([
      { transport: "kept", part: "length", answers: 0, detail: "a body of 0 bytes instead of 8 to 8" },
    ]);
  });
});

describe("a field that varies by itself", () => {
  it("is left out and listed, and the bodies are still compared", () => {
    const withId = (id: string, body = "a"): Answer => answer(body, { headers: { "x-request-id": id } });
    const probes = [withId("1"), withId("2")] as const;
    const same = [ledgerOf("fresh", withId("3"), withId("4")), ledgerOf("kept", withId("5"), withId("6"))];
    expect(judgeAnswers(probes, same)).toMatchObject({ verdict: "equal", varying: ["field x-request-id"] });
    const odd = [ledgerOf("fresh", withId("3"), withId("4")), ledgerOf("kept", withId("5"), withId("6", "b"))];
    expect(judgeAnswers(probes, odd).differences).toMatchObject([{ transport: "kept", part: "body" }]);
  });
});

describe("a status that varies over every transport", () => {
  it("is a difference all the same", () => {
    const ledgers = ["fresh", "kept"].map((name) => ledgerOf(name, answer("a"), answer("a", { status: 429 })));
    expect(judgeAnswers([answer("a"), answer("a")], ledgers)).toMatchObject({ verdict: "different", varying: [] });
  });
});

describe("the length class of bodies that vary", () => {
  it.each([
    [4, []],
    [20, []],
    [3, ["a body of 3 bytes instead of 8 to 10"]],
    [21, ["a body of 21 bytes instead of 8 to 10"]],
  ])("reaches from half to twice the baseline's lengths: %d", (bytes, details) => {
    const fresh = ledgerOf("fresh", answer("12:00:03"), answer("12:00:04.1"));
    const equality = judgeAnswers(
      [answer("12:00:01"), answer("12:00:02")],
      [fresh, ledgerOf("kept", answer("x".repeat(bytes)))],
    );
    expect(equality.differences.map(({ detail }) => detail)).toEqual(details);
  });
});
