import { createHash } from "node:crypto";
import { isTransportError, type Transport, type TransportRequest } from "@holdfast/transport";
import { pattern } from "../pattern.ts";
import { type Claim, stillOpen } from "./claims.ts";
import { isIdempotent, type Plan } from "./plan.ts";

/** Runs one exchange by its plan, and gives it up as open when it is `lateMs` past its deadline. Never rejects. */
export async function ask(transport: Transport, url: string, plan: Plan, lateMs: number): Promise<Claim> {
  const late = Promise.withResolvers<Claim>();
  const limitMs = plan.deadlineMs + lateMs;
  const timer = setTimeout(() => late.resolve({ outcome: stillOpen, elapsedMs: Infinity }), limitMs);
  try {
    return await Promise.race([exchange(transport, url, plan), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function exchange(transport: Transport, url: string, plan: Plan): Promise<Claim> {
  const startedAt = performance.now();
  const claim = (outcome: string, rest: Pick<Claim, "wrong" | "message"> = {}): Claim => ({
    outcome,
    ...rest,
    elapsedMs: performance.now() - startedAt,
  });
  const gone = new AbortController();
  const timer = typeof plan.abort === "number" ? setTimeout(() => gone.abort(), plan.abort) : undefined;
  try {
    const response = await transport.request(requestOf(url, plan, gone.signal));
    if (plan.abort === "head") gone.abort();
    let bytes = 0;
    let wrong: string | undefined;
    for await (const chunk of response.body) {
      if (!Buffer.from(chunk).equals(pattern(chunk.byteLength, plan.id + bytes))) wrong = "other bytes came";
      bytes += chunk.byteLength;
    }
    const { headers, status } = response;
    if (status !== 200) wrong = `the status is ${status}`;
    else if (headers["x-id"] !== String(plan.id)) wrong = `it is the answer to ${String(headers["x-id"])}`;
    else if (headers["x-read"] !== digestOf(plan)) wrong = "the server read another body";
    else if (bytes !== plan.responseBytes) wrong = `${bytes} of ${plan.responseBytes} bytes came, and the end`;
    return claim("ok", { wrong });
  } catch (error) {
    if (isTransportError(error)) return claim(`${error.code} ${error.delivery}`, { message: error.message });
    return claim("no TransportError", { wrong: `it failed with what is no TransportError: ${String(error)}` });
  } finally {
    clearTimeout(timer);
  }
}

function requestOf(url: string, plan: Plan, signal: AbortSignal): TransportRequest {
  const { id, method, requestBytes, responseBytes, serverMs, deadlineMs, abort } = plan;
  const made = (): AsyncIterable<Uint8Array> => pieces(id, requestBytes);
  const bodies = { none: null, bytes: pattern(requestBytes, id), function: made, once: made() };
  return {
    url: `${url}/${id}?bytes=${responseBytes}&ms=${serverMs}`,
    method,
    body: bodies[plan.body],
    deadlineMs,
    idempotent: isIdempotent(plan),
    ...(abort !== undefined && { signal }),
  };
}

async function* pieces(id: number, bytes: number): AsyncGenerator<Uint8Array, undefined> {
  for (let at = 0; at < bytes; at += 5_000) yield pattern(Math.min(5_000, bytes - at), id + at);
}

function digestOf({ id, requestBytes }: Plan): string {
  return createHash("sha256").update(pattern(requestBytes, id)).digest("hex");
}
