import assert from "node:assert/strict";
import {
  isTransportError,
  type Delivery,
  type Phase,
  type TransportError,
  type TransportErrorCode,
} from "@holdfast/transport";
import { turn } from "./turn.ts";

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
  oneOf("code", error.code, expected.code);
  if (expected.phase !== undefined) oneOf("phase", error.phase, expected.phase);
  if (expected.delivery !== undefined) oneOf("delivery", error.delivery, expected.delivery);
  if (expected.names !== undefined)
    assert.ok(error.message.includes(expected.names), `the message does not name ${expected.names}: ${error.message}`);
  return error;
}

/** Resolves with what `promise` rejects with; rejects if it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: "expected a rejection, but the promise resolved", actual: value });
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

function oneOf(what: string, actual: string, expected: string | readonly string[]): void {
  const list = typeof expected === "string" ? [expected] : expected;
  if (!list.includes(actual)) {
    throw new assert.AssertionError({
      message: `the error's ${what} is ${actual}`,
      actual,
      expected: list.join(" or "),
      operator: "oneOf",
    });
  }
}
