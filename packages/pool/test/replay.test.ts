import type { Delivery, TransportErrorCode } from "@holdfast/transport";
import { transportErrorCodes } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { decideReplay, type FailedAttempt } from "../src/replay.ts";

const deliveries: readonly Delivery[] = ["not-sent", "refused", "maybe-sent", "answered"];
const both = [true, false] as const;

function* everything(): Generator<FailedAttempt> {
  for (const code of transportErrorCodes)
    for (const delivery of deliveries)
      for (const kept of both)
        for (const idempotent of both)
          for (const responded of both)
            for (const bodyAtHand of both)
              for (const replayed of both)
                for (const resubmissions of [0, 1, 2, 3, 4])
                  yield { code, delivery, kept, idempotent, responded, bodyAtHand, replayed, resubmissions };
}

const all: readonly FailedAttempt[] = [...everything()];

/** Whatever of `all` is decided otherwise than `expected` says. */
function otherwise(decision: string, expected: (attempt: FailedAttempt) => boolean): FailedAttempt[] {
  return all.filter((attempt) => (decideReplay(attempt) === decision) !== expected(attempt));
}

describe("a failed attempt", () => {
  it("is resubmitted exactly if the peer cannot have acted on it but may later, its body is at hand, and it was not put back three times", () => {
    const harmless = new Set<Delivery>(["not-sent", "refused"]);
    const hopeless = new Set<TransportErrorCode>(["NEGOTIATION_FAILED", "UNSUPPORTED", "LIMIT_EXCEEDED"]);
    expect(
      otherwise(
        "resubmit",
        (one) => harmless.has(one.delivery) && !hopeless.has(one.code) && one.bodyAtHand && one.resubmissions < 3,
      ),
    ).toEqual([]);
  });

  it("is replayed exactly if a connection that was kept was lost under it unanswered, once, idempotent and with its body", () => {
    expect(
      otherwise(
        "replay",
        (one) =>
          one.delivery === "maybe-sent" &&
          one.code === "CONNECTION_LOST" &&
          one.kept &&
          !one.responded &&
          one.idempotent &&
          one.bodyAtHand &&
          !one.replayed,
      ),
    ).toEqual([]);
  });

  it("is the caller's otherwise", () => {
    expect(new Set(all.map(decideReplay))).toEqual(new Set(["resubmit", "replay", "fail"]));
  });

  it.each([
    ["an unsent POST", { delivery: "not-sent" }, "resubmit"],
    ["a refused POST", { delivery: "refused", code: "REFUSED" }, "resubmit"],
    ["a POST that is wanted over another protocol", { delivery: "refused", code: "NEGOTIATION_FAILED" }, "fail"],
    ["a POST that the protocol cannot carry", { delivery: "not-sent", code: "UNSUPPORTED" }, "fail"],
    [
      "a GET whose head the peer does not take",
      { delivery: "not-sent", code: "LIMIT_EXCEEDED", idempotent: true },
      "fail",
    ],
    ["a POST refused for the fourth time", { delivery: "refused", resubmissions: 3 }, "fail"],
    ["a POST that may have been sent", {}, "fail"],
    ["a GET that may have been sent on a connection that was kept", { idempotent: true }, "replay"],
    ["a GET that may have been sent on a new connection", { idempotent: true, kept: false }, "fail"],
    ["a GET whose replay was lost too", { idempotent: true, replayed: true }, "fail"],
    ["a GET whose head had begun to come", { idempotent: true, responded: true }, "fail"],
    ["a GET whose body was cut short", { idempotent: true, delivery: "answered" }, "fail"],
    ["a PUT whose stream was begun", { idempotent: true, bodyAtHand: false }, "fail"],
    ["a GET that met a time limit", { idempotent: true, code: "HEAD_TIMEOUT" }, "fail"],
  ] as const)("%s: %o gives %s", (_, facts, expected) => {
    const attempt: FailedAttempt = {
      code: "CONNECTION_LOST",
      delivery: "maybe-sent",
      kept: true,
      idempotent: false,
      responded: false,
      bodyAtHand: true,
      resubmissions: 0,
      replayed: false,
      ...facts,
    };
    expect(decideReplay(attempt)).toBe(expected);
  });
});
