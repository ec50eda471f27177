import { AssertionError } from "node:assert";
import { inspect } from "node:util";
import { messageOf } from "./sentence.ts";

const maxCharacters = 300;

/** An error and its causes, on one line. */
export function explain(error: unknown): string {
  const said: string[] = [];
  for (let one = error; one !== undefined && said.length < 4; one = one instanceof Error ? one.cause : undefined)
    said.push(saidBy(one));
  return [...new Set(said)].join(", because: ");
}

/** Of two values that were compared, the message has but a drawing; what they were is said instead. */
function saidBy(error: unknown): string {
  const said = (messageOf(error).split("\n")[0] ?? "").trim();
  if (!(error instanceof AssertionError) || !comparisons.has(error.operator)) return said;
  if (!error.generatedMessage && error.operator !== "deepStrictEqual") return said;
  const values = `it was ${brief(error.actual)}, and had to be ${brief(error.expected)}`;
  return error.generatedMessage ? `${values}${placeOf(error)}` : `${said}: ${values}`;
}

/** Where a comparison stands that says no more of itself: ` (cases/resets.js:61)` */
function placeOf({ stack = "" }: Error): string {
  const [, place] = /(cases[/\\][\w-]+\.[jt]s:\d+):\d+/.exec(stack) ?? [];
  return place === undefined ? "" : ` (${place})`;
}

const comparisons = new Set(["strictEqual", "deepStrictEqual", "==", "deepEqual"]);

function brief(value: unknown): string {
  const text = inspect(value, { breakLength: Infinity, depth: 3, maxStringLength: 100, maxArrayLength: 20 });
  return text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
}
