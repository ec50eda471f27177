import type { ServedResponse } from "./served.ts";

/** What is answered in place of a handler. */
export type Refusal = ServedResponse & { readonly status: number; readonly body: string };

/** For an answer that cannot be sent. What is wrong with it is nobody else's to know. */
export const failed: Refusal = refusal(500, "the request failed");
export const tooSlow: Refusal = refusal(408, "the request body did not come in time");
export const tooManyFields: Refusal = refusal(431, "there are too many header fields");

function refusal(status: number, reason: string): Refusal {
  return Object.freeze({ status, headers: { "content-type": "text/plain; charset=utf-8" }, body: `${reason}\n` });
}
