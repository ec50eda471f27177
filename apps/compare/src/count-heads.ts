import type { Transport } from "@holdfast/transport";
import type { HeadCount } from "./head-count.ts";
import { type Loop, requestOf, runClosedLoop, type Workload } from "./workload.ts";

/** An origin that counts what the heads of exchanges take. */
export interface CountedOrigin {
  readonly url: string;
  /** What was counted since the last call. */
  take(): Promise<HeadCount>;
}

/** How many exchanges are worth counting: enough for a connection's first heads, which compression has seen nothing of yet, to weigh little. */
export const maxCounted = 100;

/**
 * Runs some exchanges of the workload over a transport that has no connections yet, and returns what their heads took.
 * Undefined if one failed, or if the origin did not meet every one of them as an exchange.
 */
export async function countHeads(
  transport: Transport,
  origin: CountedOrigin,
  { workload, loop, signal }: { readonly workload: Workload; readonly loop: Loop; readonly signal: AbortSignal },
): Promise<HeadCount | undefined> {
  let answered = 0;
  let failed = false;
  await origin.take();
  await runClosedLoop(transport, requestOf(workload, origin.url), loop, {
    answered: () => (answered += 1),
    failed: () => (failed = true),
    get done() {
      return failed || signal.aborted;
    },
  });
  const heads = await origin.take();
  return answered === loop.count && heads.exchanges === loop.count ? heads : undefined;
}
