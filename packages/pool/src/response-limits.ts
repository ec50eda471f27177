import type { Fields } from "@holdfast/transport";
import type { Failure } from "./driver.ts";

/** A head or trailers that cannot be taken, because they have too many fields; undefined if they can. */
export function tooManyFields(
  fields: Fields,
  { maxFields }: { readonly maxFields: number },
  origin: string,
  phase: "head" | "body",
): Failure | undefined {
  if (fieldLines(fields) <= maxFields) return undefined;
  const what = phase === "head" ? "a head" : "trailers";
  return {
    code: "LIMIT_EXCEEDED",
    message: `${origin} sent ${what} of more than ${maxFields} fields (limits.maxFields)`,
    phase,
  };
}

/** Each value of a field that has several was a line of its own. */
function fieldLines(fields: Fields): number {
  // Not `for in`, which costs half as much again on an object without a prototype, and this runs for each response.
  const names = Object.keys(fields);
  let lines = names.length;
  for (const name of names) {
    const value = fields[name];
    if (typeof value === "object") lines += value.length - 1;
  }
  return lines;
}

/** A body that its reader wants no longer than this. */
export function bodyTooLong(origin: string, maxBytes: number): Failure {
  return {
    code: "LIMIT_EXCEEDED",
    message: `the response body of ${origin} is longer than ${maxBytes} bytes (maxBytes, limits.bodyBytes)`,
    phase: "body",
  };
}
