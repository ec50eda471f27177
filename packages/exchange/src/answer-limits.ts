import { checkNumber } from "@holdfast/transport";

/** How long a client may take over its requests, and over the answers. `Infinity` takes one off. */
export interface AnswerTimeouts {
  /** From the head of a request to the end of its body, default 300 000; then 408. Raise it for long uploads and for duplex. */
  readonly requestMs?: number;
  /**
   * The longest silence while more of a body is owed by the client, then 408; or while it takes nothing of an answer, then a
   * reset. Default 30 000. A handler that does not read is not held against the client.
   */
  readonly bodyGapMs?: number;
}

/** How one exchange stands at the answering end. */
export interface Standing {
  /** On one clock, in milliseconds: when it was begun, and when it last moved or had no reason to. */
  readonly begunAt: number;
  readonly movedAt: number;
  /** All of the request has come. */
  readonly complete: boolean;
  /** Something of the answer waits for the client. */
  readonly untaken: boolean;
}

/** @throws TypeError that names the option. */
export function parseAnswerTimeouts({ requestMs, bodyGapMs }: AnswerTimeouts = {}): Required<AnswerTimeouts> {
  checkNumber("timeouts.requestMs", requestMs, 1);
  checkNumber("timeouts.bodyGapMs", bodyGapMs, 1);
  return Object.freeze({ requestMs: requestMs ?? 300_000, bodyGapMs: bodyGapMs ?? 30_000 });
}

/** What becomes of an exchange that is looked at: `late`, its request did not come in time; `untaken`, its answer is not taken. */
export function judge(
  { begunAt, movedAt, complete, untaken }: Standing,
  now: number,
  { requestMs, bodyGapMs }: Required<AnswerTimeouts>,
): "late" | "untaken" | undefined {
  if (!complete && now - begunAt >= requestMs) return "late";
  if (now - movedAt < bodyGapMs) return undefined;
  return untaken ? "untaken" : "late";
}

const maxPeriodMs = 5_000;

/** Looks at what is open now and then: at every quarter of the shortest limit, at most every 5 s. Its timer rests while nothing is. */
export class Rounds {
  readonly #periodMs: number;
  readonly #look: (now: number) => boolean;
  #timer: NodeJS.Timeout | undefined;

  /** `look` returns false when nothing was there to be looked at. */
  constructor({ requestMs, bodyGapMs }: Required<AnswerTimeouts>, look: (now: number) => boolean) {
    const shortestMs = Math.min(requestMs, bodyGapMs);
    this.#periodMs = shortestMs === Infinity ? Infinity : Math.min(Math.ceil(shortestMs / 4), maxPeriodMs);
    this.#look = look;
  }

  /** There is something to look at. */
  begin(): void {
    if (this.#timer !== undefined || this.#periodMs === Infinity) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#look(performance.now())) this.begin();
    }, this.#periodMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
