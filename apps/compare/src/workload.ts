import type { Fields, Transport, TransportRequest, TransportResponse } from "@holdfast/transport";

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

/**
 * A closed loop: `concurrency` workers, each starting its next exchange when its last one has ended, until `count` were
 * started. Resolves when every worker is done; failures go to the observer.
 */
export async function runClosedLoop(
  transport: Transport,
  request: TransportRequest,
  loop: { readonly count: number; readonly concurrency: number },
  observer: ExchangeObserver,
): Promise<void> {
  let left = loop.count;
  const work = async (): Promise<void> => {
    while (left > 0 && !observer.done) {
      left -= 1;
      const startedAt = performance.now();
      try {
        const response = await transport.request(request);
        const body = await response.body.bytes();
        observer.answered(response, body, startedAt, performance.now());
      } catch (error) {
        observer.failed(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(loop.concurrency, loop.count) }, work));
}
