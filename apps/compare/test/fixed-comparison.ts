import { TransportError } from "@holdfast/transport";
import type { TargetResult, TransportResult } from "../src/compare.ts";
import type { Measurement } from "../src/measure.ts";
import type { Comparison } from "../src/outcome.ts";
import type { ReportJson, TransportJson } from "../src/report-json.ts";
import { toJson } from "../src/to-json.ts";

/** Results with round figures, for what only reads them. */
export function transportResult(
  facts: Pick<TransportResult, "name" | "title"> & Partial<Pick<TransportResult, "protocol" | "heads">>,
  changes: Partial<Measurement> = {},
): TransportResult {
  const { name, title, protocol = "http/1.1", heads } = facts;
  const measurement: Measurement = {
    answered: 2_000,
    failed: 0,
    failures: {},
    firstFailure: undefined,
    latencyMs: { min: 0.1, mean: 0.75, p50: 0.5, p90: 1.25, p99: 10.5, max: 1_234.5 },
    latencyCurve: [
      { percentile: 0, latencyMs: 0.1 },
      { percentile: 50, latencyMs: 0.5 },
      { percentile: 90, latencyMs: 1.25 },
      { percentile: 99, latencyMs: 10.5 },
      { percentile: 100, latencyMs: 1_234.5 },
    ],
    firstExchanges: [
      { connection: "b", startedAt: 1_002, timings: { queued: 2, firstByte: 3 } },
      { connection: "a", startedAt: 1_000, timings: { queued: 1, connected: 2, sent: 2.5, firstByte: 4, end: 4.5 } },
    ],
    requestsPerSecond: 16_000,
    cpuMicrosPerRequest: 40,
    connections: 16,
    handshakes: { full: 0, resumed: 0 },
    maxStreams: undefined,
    reusedShare: 0.992,
    rounds: [
      { answered: 1_000, failed: 0, elapsedMs: 60, cpuMicros: 40_000 },
      { answered: 1_000, failed: 0, elapsedMs: 65, cpuMicros: 40_000 },
    ],
    ...changes,
  };
  return { name, title, protocol, measurement, openedByStats: measurement.connections, heads };
}

export const kept: TransportResult = transportResult({ name: "http1", title: "HTTP/1.1 keep-alive" });

export const fresh: TransportResult = transportResult(
  { name: "http1-no-reuse", title: "HTTP/1.1 no reuse" },
  {
    requestsPerSecond: 5_000,
    latencyMs: { min: 1, mean: 3.5, p50: 3, p90: 4.5, p99: 9.125, max: 20 },
    cpuMicrosPerRequest: 160,
    connections: 2_000,
    reusedShare: 0,
    rounds: [
      { answered: 1_000, failed: 0, elapsedMs: 200, cpuMicros: 160_000 },
      { answered: 1_000, failed: 0, elapsedMs: 200, cpuMicros: 160_000 },
    ],
  },
);

export const multiplexed: TransportResult = transportResult(
  { name: "h2", title: "HTTP/2", protocol: "h2" },
  {
    requestsPerSecond: 20_000,
    cpuMicrosPerRequest: 50,
    connections: 1,
    maxStreams: 16,
    reusedShare: 0.9995,
    rounds: [
      { answered: 1_000, failed: 0, elapsedMs: 50, cpuMicros: 50_000 },
      { answered: 1_000, failed: 0, elapsedMs: 50, cpuMicros: 50_000 },
    ],
  },
);

export function targetResult(changes: Partial<TargetResult> = {}): TargetResult {
  return {
    target: { name: "plain", url: "http://127.0.0.1:8080/" },
    remoteAddress: "127.0.0.1",
    tlsVersion: undefined,
    probeFailure: undefined,
    leftOut: [],
    results: [fresh, kept],
    equality: { verdict: "equal", differences: [], varying: [], ignoredFields: ["connection", "date"] },
    firstAnswer: { status: 200, headers: { date: "now" }, body: Buffer.from("hello") },
    stoppedBy: undefined,
    ...changes,
  };
}

export function comparisonOf(...targets: readonly TargetResult[]): Comparison {
  return {
    startedAt: "2026-01-02T03:04:05.678Z",
    environment: { node: "26.0.0", platform: "linux", arch: "x64", cpu: "Some CPU", cores: 2 },
    workload: {
      method: "GET",
      headers: { authorization: "secret" },
      body: undefined,
      requests: 2_000,
      concurrency: 16,
      timeoutMs: 10_000,
    },
    roundTripMs: 0,
    adapters: [],
    targets,
    interrupted: false,
  };
}

/** A whole run as its JSON. */
export function jsonOf(...targets: readonly TargetResult[]): ReportJson {
  return toJson(comparisonOf(...targets), "1.2.3");
}

/** One transport as it is in JSON. */
export function transportJson(result: TransportResult): TransportJson {
  const [transport] = jsonOf(targetResult({ results: [result] })).targets[0]?.transports ?? [];
  if (transport === undefined) throw new Error("there is one");
  return transport;
}

/** What an adapter says when nobody listens. */
export function refused(): TransportError {
  return new TransportError("CONNECT_FAILED", "no connection", {
    delivery: "not-sent",
    phase: "connect",
    protocol: "http/1.1",
    origin: "http://127.0.0.1:8080",
    cause: Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
  });
}
