import type { Transport } from "@holdfast/transport";
import { type AnswerLedger, answerLedger } from "./equality.ts";
import { isConnectFailure } from "./failure.ts";
import { type Meter, meter } from "./measure.ts";
import type { Entry } from "./transports.ts";
import { type ExchangeObserver, StalledError, type Workload } from "./workload.ts";

/** One transport under measurement. */
export interface Run {
  readonly entry: Entry;
  readonly transport: Transport;
  readonly meter: Meter;
  readonly ledger: AnswerLedger;
  /** `doomed`: so much failed in a row that the rest is not worth sending. */
  readonly observer: ExchangeObserver & { readonly doomed: boolean };
}

/** Failures to connect in a row after which the next one would fail too. */
const maxConnectFailures = 5;

/** Starts to observe a transport. Failures after `signal` has fired are the interrupt's own and are not counted. */
export function startRun(
  entry: Entry,
  transport: Transport,
  { workload, signal }: { readonly workload: Workload; readonly signal: AbortSignal },
): Run {
  const figures = meter(transport.capabilities.multiplexed);
  const ledger = answerLedger(entry.name);
  let failuresInRow = 0;
  let connectFailuresInRow = 0;
  let stalled = false;
  const observer = {
    answered: (response, body, startedAt, endedAt) => {
      failuresInRow = connectFailuresInRow = 0;
      figures.recordAnswer(response, startedAt, endedAt);
      ledger.record({ status: response.status, headers: response.headers, body });
    },
    failed: (error) => {
      if (signal.aborted) return;
      failuresInRow += 1;
      if (error instanceof StalledError) stalled = true;
      if (isConnectFailure(error)) connectFailuresInRow += 1;
      figures.recordFailure(error);
    },
    get doomed() {
      // Twice: a server that restarts may break every connection once.
      const maxFailures = Math.max(10, 2 * workload.concurrency);
      return stalled || connectFailuresInRow >= maxConnectFailures || failuresInRow >= maxFailures;
    },
    get done(): boolean {
      return signal.aborted || observer.doomed;
    },
  } satisfies Run["observer"];
  return { entry, transport, meter: figures, ledger, observer };
}
