/** The mix over one transport in a process of its own, so that nobody pays for another's memory. Tells what came of it, and ends. */
import type { Ledger } from "./mixed-handler.ts";
import { contestants } from "./contestants.ts";
import { mixedHandler } from "./mixed-handler.ts";
import { type MixOptions, planMix } from "./plan.ts";
import { type MixResult, runMix } from "./run-mix.ts";

export interface ClientOptions extends MixOptions {
  readonly transport: string;
  readonly origin: string;
  readonly concurrency: number;
}

export interface ClientReport {
  readonly result: MixResult;
  /** Of a handler in this process; undefined if nothing was asked of it. */
  readonly ledger: Ledger | undefined;
  readonly memory: {
    /** Resident, before the first exchange and at most. */
    readonly beforeBytes: number;
    readonly peakBytes: number;
    /** Heap and buffers in use after it, garbage collected. */
    readonly heldBytes: number;
  };
  /** Kinds of what was still open in this process after close(). */
  readonly open: readonly string[];
}

const options = JSON.parse(process.argv[2] ?? "") as ClientOptions;
const handler = mixedHandler();
const make = contestants[options.transport];
if (make === undefined) throw new Error(`no transport ${options.transport}`);
const transport = make(handler);
const steps = planMix(options);
const beforeBytes = process.memoryUsage.rss();
const result = await runMix(transport, options.origin, { ...options, steps });
const ledger = await handler.take();
const peakBytes = process.resourceUsage().maxRSS * 1_024;
// What was closed is gone a turn later.
await new Promise(setImmediate);
globalThis.gc?.();
const { heapUsed, external } = process.memoryUsage();
const report: ClientReport = {
  result,
  ledger: Object.keys(ledger.executed).length === 0 ? undefined : ledger,
  memory: { beforeBytes, peakBytes, heldBytes: heapUsed + external },
  // Pipes are the parent's, and its terminal.
  open: process.getActiveResourcesInfo().filter((kind) => !/^(?:Pipe|TTY)Wrap$|Immediate/.test(kind)),
};
process.send?.(report);
