import { type Claim, claimsUnsent } from "./claims.ts";
import { isIdempotent, type Plan } from "./plan.ts";

/**
 * One thing on which client and server disagree.
 *
 * | rule | what was wrong |
 * | --- | --- |
 * | `lost` | a success that the server did not execute |
 * | `twice` | an exchange that is not idempotent, executed more than once |
 * | `too-often` | an idempotent one, executed more often than it may be replayed |
 * | `not-sent` | told to be `not-sent` or `refused`, and executed |
 * | `answer` | an answer that is not the one to this exchange, or not whole, or an error that is none of ours |
 * | `late` | open past its deadline |
 * | `left` | something is there after `close()` |
 * | `heap` | the heap has grown |
 */
export type LedgerRule = "lost" | "twice" | "too-often" | "not-sent" | "answer" | "late" | "left" | "heap";

export interface Disagreement {
  readonly rule: LedgerRule;
  /** The exchange, if it is about one; its plan follows from the seed. */
  readonly id: number | undefined;
  readonly what: string;
}

/** An idempotent exchange that may have been sent is sent once more; what was not executed does not count. */
const maxExecutions = 2;

/** What is wrong with one exchange, once nothing of it is under way. */
export function disagreementOf(plan: Plan, claim: Claim, executions: number, lateMs: number): Disagreement | undefined {
  const { id, method, deadlineMs } = plan;
  const { outcome, wrong, message = "", elapsedMs } = claim;
  const found = (rule: LedgerRule, what: string): Disagreement => ({ rule, id, what: `${method} ${id}: ${what}` });
  if (wrong !== undefined) return found("answer", wrong);
  if (outcome === "ok" && executions === 0) return found("lost", "it succeeded, and was not executed");
  if (!isIdempotent(plan) && executions > 1) return found("twice", `executed ${executions} times; told: ${outcome}`);
  if (executions > maxExecutions) return found("too-often", `executed ${executions} times; told: ${outcome}`);
  if (claimsUnsent(claim) && executions > 0) {
    return found("not-sent", `executed ${executions} times; told: ${outcome} ${message}`.trimEnd());
  }
  if (elapsedMs > deadlineMs + lateMs) {
    return found("late", `told after ${elapsedMs.toFixed(0)} ms of ${deadlineMs}: ${outcome}`);
  }
  return undefined;
}
