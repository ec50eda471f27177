import { describe, expect, it } from "vitest";
import { beginSilence, judge, type Judgement, owesByte } from "../src/silence.ts";

const ping = { intervalMs: 1_000, timeoutMs: 300 };

/** Looks as often as it is told to, at a peer whose bytes come at these moments, until it is asked or gone. */
function follow(bytesAt: readonly number[], until: Judgement["verdict"]): number {
  let now = 0;
  let judgement = beginSilence(0, now, ping);
  while (judgement.verdict !== until) {
    now += judgement.lookInMs;
    judgement = judge(judgement.silence, bytesAt.filter((at) => at <= now).length, now, ping);
  }
  return now;
}

describe("a silence", () => {
  it("is followed by a question after intervalMs, and is the end after timeoutMs more", () => {
    expect(follow([], "ask")).toBe(1_000);
    expect(follow([], "gone")).toBe(1_300);
  });

  it("is judged at the latest intervalMs and timeoutMs after the last byte, whenever that came", () => {
    for (let last = 0; last <= 2_600; last += 13) {
      const bytes = Array.from({ length: last / 13 + 1 }, (_, i) => i * 13);
      expect(follow(bytes, "ask") - last).toBeLessThanOrEqual(1_000);
      expect(follow(bytes, "ask") - last).toBeGreaterThanOrEqual(750);
      expect(follow(bytes, "gone") - last).toBeLessThanOrEqual(1_300);
    }
  });

  it("needs four looks for each interval, and no more", () => {
    let [now, looks] = [0, 0];
    let judgement = beginSilence(0, now, ping);
    for (; now < 100_000; looks++) {
      now += judgement.lookInMs;
      judgement = judge(judgement.silence, looks, now, ping);
      expect(judgement.verdict).toBe("wait");
    }
    expect(looks).toBeLessThanOrEqual(401);
  });

  it("that a byte breaks after the question begins with the question", () => {
    const asked = judge(beginSilence(0, 0, ping).silence, 0, 1_000, ping);
    expect(asked).toMatchObject({ verdict: "ask", lookInMs: 300, silence: { askedAt: 1_000 } });
    expect(judge(asked.silence, 0, 1_299, ping)).toMatchObject({ verdict: "wait", lookInMs: 1 });
    const answered = judge(asked.silence, 17, 1_300, ping);
    expect(answered).toMatchObject({ verdict: "wait", lookInMs: 250, silence: { since: 1_000, askedAt: undefined } });
    expect(judge(asked.silence, 0, 1_300, ping).verdict).toBe("gone");
  });

  it("is looked at without a stream while the peer owes an answer to a PING, or a byte since a stream was given up", () => {
    const quiet = beginSilence(5, 0, ping).silence;
    expect(owesByte(quiet, 5, -1)).toBe(false);
    expect(owesByte(quiet, 5, 5)).toBe(true);
    expect(owesByte(quiet, 6, 5)).toBe(false);
    const asked = judge(quiet, 5, 1_000, ping).silence;
    expect(owesByte(asked, 5, -1)).toBe(true);
    expect(owesByte(asked, 22, -1)).toBe(false);
  });

  it("that a late look finds is asked about first, however long it has lasted", () => {
    expect(judge(beginSilence(0, 0, ping).silence, 0, 60_000, ping).verdict).toBe("ask");
  });
});
