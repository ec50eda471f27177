import type { Transport } from "@holdfast/transport";
import type { Step } from "./plan.ts";
import { type Outcome, runStep } from "./run-step.ts";

/** The mix, and how it is run. */
export interface Mix {
  readonly steps: readonly Step[];
  readonly largeBytes: number;
  /** Exchanges at a time. */
  readonly concurrency: number;
}

/** What came of the mix over one transport. */
export interface MixResult {
  /** By id, so in the order of the plan. */
  readonly lines: readonly string[];
  readonly answered: number;
  readonly cancelled: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** By the transport's own count. */
  readonly connectionsOpened: number;
  readonly replayed: number;
  /** That were there, or queued, after the transport was closed. */
  readonly left: number;
}

/** Runs all steps over a transport, each beginning when another has ended, and closes it. */
export async function runMix(transport: Transport, origin: string, mix: Mix): Promise<MixResult> {
  const { steps, largeBytes, concurrency } = mix;
  const outcomes: Outcome[] = [];
  const remaining = steps[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (const step of remaining) outcomes[step.id] = await runStep(transport, origin, step, largeBytes);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: concurrency }, work));
  const elapsedMs = performance.now() - start;
  await transport.close();
  const { totals, connections, exchanges } = transport.stats();
  const count = (ended: Outcome["ended"]): number => outcomes.filter((one) => one.ended === ended).length;
  return {
    lines: outcomes.map(({ line }) => line),
    answered: count("answered"),
    cancelled: count("cancelled"),
    failed: count("failed"),
    elapsedMs,
    connectionsOpened: totals.connectionsOpened,
    replayed: totals.exchangesReplayed,
    left: [...Object.values(connections), ...Object.values(exchanges)].reduce((total, one) => total + one, 0),
  };
}
