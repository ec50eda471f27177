import type { KeepAliveHint } from "@holdfast/pool";

/** Reads `Keep-Alive: timeout=5, max=100`, in seconds and exchanges (RFC 2068, 19.7.1.1). What it cannot read it leaves out. */
export function parseKeepAlive(value: string | readonly string[]): KeepAliveHint {
  const text = typeof value === "string" ? value : value.join(",");
  const timeout = /(?:^|[,\s])timeout\s*=\s*"?(\d{1,9})/i.exec(text)?.[1];
  const max = /(?:^|[,\s])max\s*=\s*"?(\d{1,9})/i.exec(text)?.[1];
  return {
    ...(timeout === undefined ? {} : { timeoutMs: Number(timeout) * 1_000 }),
    ...(max === undefined ? {} : { max: Number(max) }),
  };
}
