import type { CheckedRequest, PushedExchange } from "@holdfast/transport";
import { authorityOf, fieldsOf, listBytes } from "./fields.ts";

/** The request that a pushed response answers. */
export type Promised = PushedExchange["request"];

/**
 * What a PUSH_PROMISE promises. Undefined for what nobody may promise: a method that is not safe and cacheable, a body, or
 * another authority than the request had (RFC 9113, 8.4), and for a head above the limit.
 */
export function promiseOf(raw: readonly string[], main: CheckedRequest, headBytes: number): Promised | undefined {
  if (listBytes(raw) > headBytes) return undefined;
  const head = new Map<string, string>();
  for (let i = 0; i < raw.length; i += 2) head.set(raw[i] as string, raw[i + 1] as string);
  const method = head.get(":method");
  const path = head.get(":path");
  if ((method !== "GET" && method !== "HEAD") || path?.startsWith("/") !== true) return undefined;
  if (Number(head.get("content-length") ?? 0) !== 0) return undefined;
  const base = `${head.get(":scheme")}://${head.get(":authority")}`;
  const url = URL.parse(base + path);
  if (url === null || url.username !== "" || url.password !== "" || url.origin !== originOf(main)) return undefined;
  return { url, method, headers: fieldsOf(raw) };
}

/** What the request named, which a `host` field may have changed. */
function originOf(main: CheckedRequest): string | undefined {
  return URL.parse(`${main.target.scheme}//${authorityOf(main)}`)?.origin;
}
