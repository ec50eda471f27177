import { createHistogram } from "node:perf_hooks";
import { isTransportError, type Timings, type TransportResponse } from "@holdfast/transport";
import { maxOverlap } from "./max-overlap.ts";

/** Milliseconds from the call to the last byte of the body, of the exchanges that were answered. */
export interface Latency {
  readonly min: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** So many percent of the answers took no longer. */
export interface LatencyPoint {
  readonly percentile: number;
  readonly latencyMs: number;
}

/** When the phases of one exchange were over, in milliseconds from `startedAt` on; see `Timings` of the contract. */
export interface ExchangeSample {
  readonly connection: string;
  /** By `performance.now()`. */
  readonly startedAt: number;
  readonly timings: Timings;
}

/** One turn of a transport. */
export interface Round {
  readonly answered: number;
  readonly failed: number;
  readonly elapsedMs: number;
  /** User and system time of this process, all threads. */
  readonly cpuMicros: number;
}

/** What the measured exchanges over one transport amount to. */
export interface Measurement {
  readonly answered: number;
  readonly failed: number;
  /** By code of the error. */
  readonly failures: Readonly<Record<string, number>>;
  /** The first failure of all. */
  readonly firstFailure: unknown;
  /** Undefined if nothing was answered. */
  readonly latencyMs: Latency | undefined;
  /** From the fastest to the slowest; empty if nothing was answered. */
  readonly latencyCurve: readonly LatencyPoint[];
  /** The first exchanges that were answered, at most 32, so with the making of the first connections. */
  readonly firstExchanges: readonly ExchangeSample[];
  /** Answers per second of the rounds. */
  readonly requestsPerSecond: number;
  /** CPU time of this process over answers; undefined if nothing was answered. */
  readonly cpuMicrosPerRequest: number | undefined;
  /** Distinct connections that carried an answer. */
  readonly connections: number;
  /** TLS handshakes of these connections. */
  readonly handshakes: { readonly full: number; readonly resumed: number };
  /** Most exchanges under way at a time on one connection; undefined where it cannot be more than one. */
  readonly maxStreams: number | undefined;
  /** Answers over a connection that had carried an exchange before, from 0 to 1. */
  readonly reusedShare: number;
  readonly rounds: readonly Round[];
}

const maxSamples = 32;

/** Of the curve between its ends; close together where tails differ. */
const percentiles = [
  ...Array.from({ length: 19 }, (_, index) => 5 * (index + 1)),
  ...[96, 97, 98, 98.5, 99, 99.25, 99.5, 99.75, 99.9],
];

/** Gathers the figures of one transport. */
export interface Meter {
  readonly answered: number;
  readonly failed: number;
  /** Both moments by `performance.now()`. */
  recordAnswer(response: TransportResponse, startedAt: number, endedAt: number): void;
  recordFailure(error: unknown): void;
  /** Times what happens in `run` as one round. */
  round(run: () => Promise<void>): Promise<Round>;
  measurement(): Measurement;
}

/** @param multiplexed exchanges share a connection, so how many is worth counting. */
export function meter(multiplexed: boolean): Meter {
  const latency = createHistogram();
  const connections = new Set<string>();
  /** By connection; only of the round under way. */
  const leases = new Map<string, { readonly starts: number[]; readonly ends: number[] }>();
  let maxStreams = 0;
  const firstExchanges: ExchangeSample[] = [];
  const handshakes = { full: 0, resumed: 0 };
  const failures: Record<string, number> = {};
  const rounds: Round[] = [];
  let firstFailure: unknown;
  let reused = 0;
  const counts = { answered: 0, failed: 0 };

  const recordLease = ({ connection: { id }, timings }: TransportResponse, startedAt: number): void => {
    let lease = leases.get(id);
    if (lease === undefined) leases.set(id, (lease = { starts: [], ends: [] }));
    lease.starts.push(startedAt + timings.queued);
    lease.ends.push(startedAt + (timings.end ?? timings.firstByte));
  };
  const countStreams = (): void => {
    for (const { starts, ends } of leases.values()) maxStreams = Math.max(maxStreams, maxOverlap(starts, ends));
    leases.clear();
  };

  return {
    get answered() {
      return counts.answered;
    },
    get failed() {
      return counts.failed;
    },
    recordAnswer: (response, startedAt, endedAt) => {
      const { connection } = response;
      counts.answered += 1;
      // The histogram takes whole numbers from 1.
      latency.record(Math.max(1, Math.round((endedAt - startedAt) * 1_000)));
      if (multiplexed) recordLease(response, startedAt);
      if (firstExchanges.length < maxSamples) {
        firstExchanges.push({ connection: connection.id, startedAt, timings: { ...response.timings } });
      }
      if (connection.reused) reused += 1;
      if (connections.has(connection.id)) return;
      connections.add(connection.id);
      if (connection.tls !== undefined) handshakes[connection.tls.resumed ? "resumed" : "full"] += 1;
    },
    recordFailure: (error) => {
      counts.failed += 1;
      firstFailure ??= error;
      const code = isTransportError(error) ? error.code : "UNKNOWN";
      failures[code] = (failures[code] ?? 0) + 1;
    },
    round: async (run) => {
      const before = { ...counts };
      const cpu = process.cpuUsage();
      const start = performance.now();
      await run();
      const elapsedMs = performance.now() - start;
      const { user, system } = process.cpuUsage(cpu);
      const { answered, failed } = counts;
      const round = {
        answered: answered - before.answered,
        failed: failed - before.failed,
        elapsedMs,
        cpuMicros: user + system,
      };
      rounds.push(round);
      countStreams();
      return round;
    },
    measurement: () => ({
      ...counts,
      maxStreams: multiplexed ? maxStreams : undefined,
      failures: { ...failures },
      firstFailure,
      latencyMs: counts.answered === 0 ? undefined : latencyOf(latency),
      latencyCurve: counts.answered === 0 ? [] : curveOf(latency),
      firstExchanges: [...firstExchanges],
      ...rates(rounds),
      connections: connections.size,
      handshakes: { ...handshakes },
      reusedShare: counts.answered === 0 ? 0 : reused / counts.answered,
      rounds: [...rounds],
    }),
  };
}

function latencyOf(histogram: ReturnType<typeof createHistogram>): Latency {
  return {
    min: histogram.min / 1_000,
    mean: histogram.mean / 1_000,
    p50: histogram.percentile(50) / 1_000,
    p90: histogram.percentile(90) / 1_000,
    p99: histogram.percentile(99) / 1_000,
    max: histogram.max / 1_000,
  };
}

function curveOf(histogram: ReturnType<typeof createHistogram>): readonly LatencyPoint[] {
  return [
    { percentile: 0, latencyMs: histogram.min / 1_000 },
    ...percentiles.map((percentile) => ({ percentile, latencyMs: histogram.percentile(percentile) / 1_000 })),
    { percentile: 100, latencyMs: histogram.max / 1_000 },
  ];
}

function rates(rounds: readonly Round[]): Pick<Measurement, "requestsPerSecond" | "cpuMicrosPerRequest"> {
  const sum = (figure: (round: Round) => number): number => rounds.reduce((total, round) => total + figure(round), 0);
  const answered = sum((round) => round.answered);
  const elapsedMs = sum((round) => round.elapsedMs);
  return {
    requestsPerSecond: elapsedMs === 0 ? 0 : (answered * 1_000) / elapsedMs,
    cpuMicrosPerRequest: answered === 0 ? undefined : sum((round) => round.cpuMicros) / answered,
  };
}
