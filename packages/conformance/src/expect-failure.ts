import assert from "node:assert/strict";
import {
  isTransportError,
  type Delivery,
  type Phase,
  type TransportError,
  type TransportErrorCode,
} from "@holdfast/transport";
import { turn } from "./turn.ts";
import { waitsFor } from "./waiting.ts";

export interface ExpectedFailure {
  readonly code: TransportErrorCode | readonly TransportErrorCode[];
  readonly phase?: Phase | readonly Phase[];
  readonly delivery?: Delivery | readonly Delivery[];
  /** What the message must name: the option whose limit applied. */
  readonly names?: string;
}

/** Resolves with the `TransportError` that `promise` rejects with, if it is the expected one. */
export async function expectFailure(promise: Promise<unknown>, expected: ExpectedFailure): Promise<TransportError> {
  const error = await rejection(promise);
  if (!isTransportError(error))
    throw new assert.AssertionError({ message: `expected a TransportError, got ${String(error)}`, actual: error });
  oneOf("code", error, expected.code);
  if (expected.phase !== undefined) oneOf("phase", error, expected.phase);
  if (expected.delivery !== undefined) oneOf("delivery", error, expected.delivery);
  if (expected.names !== undefined)
    assert.ok(error.message.includes(expected.names), `the message does not name ${expected.names}: ${error.message}`);
  return error;
}

/** Resolves with what `promise` rejects with; rejects if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  waitsFor("a rejection");
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({
    message: `expected a rejection, but the promise resolved with ${inShort(value)}`,
    actual: value,
  });
}

/** Fails unless `promise` has settled by the end of this turn; then resolves or rejects as it does. */
export async function withinOneTurn<T>(promise: Promise<T>): Promise<T> {
  let settled = false;
  const note = (): void => {
    settled = true;
  };
  promise.then(note, note);
  await turn();
  if (!settled) throw new assert.AssertionError({ message: "it did not settle within one turn of the event loop" });
  return promise;
}

function oneOf(what: "code" | "phase" | "delivery", error: TransportError, expected: string | readonly string[]): void {
  const actual = error[what];
  const list = typeof expected === "string" ? [expected] : expected;
  if (list.includes(actual)) return;
  const wanted = list.join(" or ");
  const hint = what === "delivery" ? hintFor(actual, list) : "";
  const message = `the error's ${what} is ${actual}, and had to be ${wanted} (${error.code}: ${error.message})${hint}`;
  throw new assert.AssertionError({ message, actual, expected: wanted, operator: "oneOf" });
}

/** Where to look. */
function hintFor(actual: string, expected: readonly string[]): string {
  if (actual === "not-sent" && expected.includes("maybe-sent"))
    return "; was sending() called before the first byte was written?";
  if (actual === "maybe-sent" && expected.includes("not-sent"))
    return "; was sending() called before anything could be written?";
  if (actual === "maybe-sent" && expected.includes("refused")) return "; was fail() told `refused: true`?";
  return "";
}

/** What a promise resolved with, for a message. */
function inShort(value: unknown): string {
  if (typeof value === "object" && value !== null && "status" in value && "body" in value)
    return `a response of status ${String(value.status)}`;
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  if (typeof value === "string") return `a text of ${value.length} characters`;
  if (typeof value === "number") return `${value}`;
  return value === undefined ? "nothing" : `a value of type ${typeof value}`;
}
