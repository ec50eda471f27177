import type { Fields, Transport, TransportRequest, TransportResponse } from "@holdfast/transport";
import type { Entry } from "./transports.ts";

/** What is sent, the same over every transport. */
export interface Workload {
  readonly method: string;
  readonly headers: Fields;
  readonly body: string | undefined;
  /** Measured exchanges over each transport. */
  readonly requests: number;
  /** Exchanges under way at a time. */
  readonly concurrency: number;
  /** Limit on connecting, on waiting for the head, and on a silence inside the body. */
  readonly timeoutMs: number;
}

/** The turns in which the measured exchanges run, so that a drift of the machine hits every transport alike. */
export function roundSizes(requests: number, maxRounds: number = 4): readonly number[] {
  const rounds = Math.min(maxRounds, requests);
  return Array.from(
    { length: rounds },
    (_, round) => Math.floor(requests / rounds) + (round < requests % rounds ? 1 : 0),
  );
}

/** Exchanges over each transport whose figures are thrown away, because code that just started runs slowly. */
export function warmUpSize(requests: number): number {
  return Math.min(500, Math.ceil(requests / 4));
}

/** The one request that a workload repeats. */
export function requestOf(workload: Workload, url: string): TransportRequest {
  return {
    url,
    method: workload.method,
    headers: workload.headers,
    body: workload.body ?? null,
    // The phases have limits; the whole must not cut a wait that the user asked for.
    deadlineMs: Math.max(60_000, 4 * workload.timeoutMs),
  };
}

/** What a closed loop tells of each exchange. */
export interface ExchangeObserver {
  /** Both moments by `performance.now()`. */
  answered(response: TransportResponse, body: Uint8Array, startedAt: number, endedAt: number): void;
  failed(error: unknown): void;
  /** Asked before each exchange; true ends the loop. */
  readonly done: boolean;
}

/** No exchange over a transport ended in time, though it was given limits to keep. */
export class StalledError extends Error {
  constructor(limitMs: number) {
    super(`it did not end within ${limitMs.toLocaleString("en-US")} ms (three times --timeout)`);
  }
}

/** Connecting, waiting for the head and a silence in the body have a limit each; only ours are known to keep them. */
export function maxSilenceMs({ brought }: Pick<Entry, "brought">, { timeoutMs }: Workload): number | undefined {
  return brought === true ? 3 * timeoutMs : undefined;
}

export interface Loop {
  /** Exchanges to start. */
  readonly count: number;
  readonly concurrency: number;
  /** No exchange ended for so long, and the loop gives up; undefined: never. */
  readonly maxSilenceMs: number | undefined;
}

export function loopOf(entry: Pick<Entry, "brought">, workload: Workload, count: number): Loop {
  return { count, concurrency: workload.concurrency, maxSilenceMs: maxSilenceMs(entry, workload) };
}

/**
 * A closed loop: `concurrency` workers, each starting its next exchange when its last one has ended, until `count` were
 * started. Resolves when every worker is done; failures go to the observer. It also ends once no exchange has ended for
 * `maxSilenceMs`, or for twice that at most; those under way have failed with a {@link StalledError} then.
 */
export async function runClosedLoop(
  transport: Transport,
  request: TransportRequest,
  loop: Loop,
  observer: ExchangeObserver,
): Promise<void> {
  let left = loop.count;
  let underWay = 0;
  let moved = false;
  const stalled = Promise.withResolvers<void>();
  let over = false;
  const work = async (): Promise<void> => {
    while (left > 0 && !over && !observer.done) {
      left -= 1;
      underWay += 1;
      const startedAt = performance.now();
      try {
        const response = await transport.request(request);
        const body = await response.body.bytes();
        if (!over) observer.answered(response, body, startedAt, performance.now());
      } catch (error) {
        if (!over) observer.failed(error);
      }
      underWay -= 1;
      moved = true;
    }
  };
  const watch = (limitMs: number): void => {
    if (!moved) {
      over = true;
      const error = new StalledError(limitMs);
      for (let exchange = 0; exchange < underWay; exchange += 1) observer.failed(error);
      stalled.resolve();
    }
    moved = false;
  };
  const timer = loop.maxSilenceMs === undefined ? undefined : setInterval(watch, loop.maxSilenceMs, loop.maxSilenceMs);
  const workers = Array.from({ length: Math.min(loop.concurrency, loop.count) }, work);
  await Promise.race([Promise.all(workers), stalled.promise]);
  clearInterval(timer);
}
