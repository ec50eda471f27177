import type { Fields } from "@holdfast/transport";

/** One response, complete. */
export interface Answer {
  readonly status: number;
  readonly headers: Fields;
  readonly body: Uint8Array;
}

/** What can differ: `status`, `body`, `length` (of a body that varies by itself), or `field NAME`. */
export type Part = "status" | "body" | "length" | `field ${string}`;

/** One way in which answers over a transport were not what they had to be. */
export interface Difference {
  /** Name of the transport. */
  readonly transport: string;
  readonly part: Part;
  /** Answers that differ from the first over the same transport; 0 if all agree and differ from the baseline's. */
  readonly answers: number;
  /** `status 503 instead of 200`; quotes no value of a field. */
  readonly detail: string;
}

/** Whether the answers over all transports were the same. */
export interface Equality {
  /** `varies`: the origin answers with another body each time, so only status and length class were compared. */
  readonly verdict: "equal" | "varies" | "different";
  readonly differences: readonly Difference[];
  /** Parts that vary over one transport alone, and so say nothing about the transports. */
  readonly varying: readonly Part[];
  /** Fields that were there and are never compared. */
  readonly ignoredFields: readonly string[];
}

/** Fields that speak of one connection, of its protocol and framing or of the moment, not of the resource. */
export const volatileFields: ReadonlySet<string> = new Set([
  "age",
  "alt-svc",
  "connection",
  // The body itself is compared; servers leave its length out where frames tell it.
  "content-length",
  "date",
  "expires",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** Holds every answer over one transport against the first. */
export interface AnswerLedger {
  readonly transport: string;
  readonly answers: number;
  readonly first: Answer | undefined;
  readonly minBytes: number;
  readonly maxBytes: number;
  /** By part: how many answers differ from the first, and how the first of these does. */
  readonly variations: ReadonlyMap<Part, { readonly answers: number; readonly detail: string }>;
  record(answer: Answer): void;
}

export function answerLedger(transport: string): AnswerLedger {
  const variations = new Map<Part, { answers: number; detail: string }>();
  const ledger = {
    transport,
    answers: 0,
    first: undefined as Answer | undefined,
    minBytes: Infinity,
    maxBytes: 0,
    variations,
    record: (answer: Answer): void => {
      ledger.answers += 1;
      ledger.minBytes = Math.min(ledger.minBytes, answer.body.byteLength);
      ledger.maxBytes = Math.max(ledger.maxBytes, answer.body.byteLength);
      if (ledger.first === undefined) {
        ledger.first = answer;
        return;
      }
      for (const part of differingParts(ledger.first, answer)) {
        const known = variations.get(part);
        if (known === undefined) variations.set(part, { answers: 1, detail: describe(part, answer, ledger.first) });
        else known.answers += 1;
      }
    },
  };
  return ledger;
}

/**
 * Judges a run.
 *
 * A part that varies between probes over one and the same transport, or over each transport, varies by itself and is no
 * difference. The status is always compared. If bodies vary by themselves, status and length class are all that is left.
 *
 * @param probes answers over the baseline alone, at least one.
 * @param ledgers the baseline's first.
 */
export function judgeAnswers(probes: readonly [Answer, ...Answer[]], ledgers: readonly AnswerLedger[]): Equality {
  const seen = ledgers.filter((ledger) => ledger.first !== undefined);
  const reference = seen[0]?.first ?? probes[0];
  const varying = varyingParts(probes, seen);
  const bodyVaries = varying.has("body");
  const counts = (part: Part): boolean => part === "status" || (!bodyVaries && !varying.has(part));

  const lengths = lengthRange(probes, seen[0]);
  const differences: Difference[] = [];
  for (const { transport, first, variations, minBytes, maxBytes } of seen) {
    for (const [part, { answers, detail }] of variations) {
      if (counts(part)) differences.push({ transport, part, answers, detail });
    }
    for (const part of differingParts(reference, first as Answer)) {
      if (counts(part))
        differences.push({ transport, part, answers: 0, detail: describe(part, first as Answer, reference) });
    }
    const other = [minBytes, maxBytes].find((bytes) => bytes < lengths.min / 2 || bytes > lengths.max * 2);
    if (bodyVaries && other !== undefined) {
      const detail = `a body of ${other} bytes instead of ${lengths.min} to ${lengths.max}`;
      differences.push({ transport, part: "length", answers: 0, detail });
    }
  }
  return {
    verdict: differences.length > 0 ? "different" : bodyVaries ? "varies" : "equal",
    differences,
    varying: [...varying].sort(),
    ignoredFields: Object.keys(reference.headers)
      .filter((name) => volatileFields.has(name))
      .sort(),
  };
}

/** The lengths of the baseline's bodies. Another's are of the same class within half the least and twice the most. */
function lengthRange(probes: readonly Answer[], baseline: AnswerLedger | undefined): { min: number; max: number } {
  const lengths = probes.map(({ body }) => body.byteLength);
  return {
    min: Math.min(...lengths, baseline?.minBytes ?? Infinity),
    max: Math.max(...lengths, baseline?.maxBytes ?? 0),
  };
}

function varyingParts(probes: readonly [Answer, ...Answer[]], ledgers: readonly AnswerLedger[]): Set<Part> {
  const varying = new Set<Part>();
  for (const probe of probes) for (const part of differingParts(probes[0], probe)) varying.add(part);
  const [baseline, ...others] = ledgers;
  for (const part of baseline?.variations.keys() ?? []) {
    if (others.length > 0 && others.every(({ variations }) => variations.has(part))) varying.add(part);
  }
  varying.delete("status");
  return varying;
}

const none: readonly Part[] = [];

/** Runs for every answer, so it allocates nothing while answers agree. */
function differingParts(expected: Answer, actual: Answer): readonly Part[] {
  let parts: Part[] | undefined;
  if (expected.status !== actual.status) (parts ??= []).push("status");
  for (const name in actual.headers) {
    const before = expected.headers[name];
    const now = actual.headers[name];
    if (before !== now && !volatileFields.has(name) && !sameValues(before, now)) (parts ??= []).push(`field ${name}`);
  }
  for (const name in expected.headers) {
    if (!(name in actual.headers) && !volatileFields.has(name)) (parts ??= []).push(`field ${name}`);
  }
  if (Buffer.compare(expected.body, actual.body) !== 0) (parts ??= []).push("body");
  return parts ?? none;
}

function sameValues(a: string | readonly string[] | undefined, b: string | readonly string[] | undefined): boolean {
  return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((value, index) => value === b[index]);
}

function describe(part: Part, actual: Answer, expected: Answer): string {
  if (part === "status") return `status ${actual.status} instead of ${expected.status}`;
  if (part === "body") {
    const [a, b] = [actual.body, expected.body];
    if (a.byteLength !== b.byteLength) return `a body of ${a.byteLength} bytes instead of ${b.byteLength}`;
    return `a body that differs from byte ${a.findIndex((byte, index) => byte !== b[index])} on`;
  }
  const name = part.slice("field ".length);
  if (!(name in actual.headers)) return `no field ${name}`;
  return name in expected.headers ? `another value of the field ${name}` : `an additional field ${name}`;
}
