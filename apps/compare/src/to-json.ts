import { createHash } from "node:crypto";
import { isTransportError } from "@holdfast/transport";
import type { TargetResult, TransportResult } from "./compare.ts";
import { networkOf } from "./environment.ts";
import type { Answer } from "./equality.ts";
import { describeFailure } from "./failure.ts";
import type { ExchangeSample } from "./measure.ts";
import { type Comparison, outcomeOf } from "./outcome.ts";
import type { ExchangeJson, FailureJson, ReportJson, TargetJson, TransportJson } from "./report-json.ts";
import { roundSizes, warmUpSize } from "./workload.ts";

/** The whole comparison as plain data. Holds names of request fields, never their values. */
export function toJson(comparison: Comparison, version: string): ReportJson {
  const { startedAt, environment, workload, roundTripMs } = comparison;
  const { method, headers, body, requests, concurrency, timeoutMs } = workload;
  return {
    schema: 1,
    tool: { name: "@holdfast/compare", version },
    startedAt,
    outcome: outcomeOf(comparison),
    environment,
    workload: {
      method,
      fields: Object.keys(headers),
      bodyBytes: Buffer.byteLength(body ?? ""),
      requests,
      concurrency,
      rounds: roundSizes(requests).length,
      warmUpRequests: warmUpSize(requests),
      timeoutMs,
      roundTripMs,
    },
    adapters: comparison.adapters.map(({ entry: { name, title, protocol }, module, vendor }) => ({
      name,
      title,
      protocol,
      module,
      vendor,
    })),
    targets: comparison.targets.map((result) => targetJson(result, timeoutMs)),
  };
}

function targetJson(result: TargetResult, timeoutMs: number): TargetJson {
  const { target, remoteAddress, tlsVersion, probeFailure, leftOut, results, equality, firstAnswer, stoppedBy } =
    result;
  const context = { url: target.url, timeoutMs };
  return {
    name: target.name,
    url: target.url,
    network: networkOf(remoteAddress),
    tlsVersion: tlsVersion ?? null,
    probeFailure:
      probeFailure === undefined
        ? null
        : { ...failureJson(probeFailure.error, context), title: probeFailure.title ?? null },
    leftOut: leftOut.map(({ name, title, subprotocol = null, error }) => ({
      name,
      title,
      subprotocol,
      failure: failureJson(error, context),
    })),
    stoppedEarly: stoppedBy !== undefined,
    stoppedBy: stoppedBy ?? null,
    equality: equality ?? null,
    answer: firstAnswer === undefined ? null : answerJson(firstAnswer),
    transports: results.map((one) => transportJson(one, context)),
  };
}

function answerJson({ status, body }: Answer): TargetJson["answer"] {
  return { status, bodyBytes: body.byteLength, bodySha256: createHash("sha256").update(body).digest("hex") };
}

function transportJson(
  result: TransportResult,
  context: { readonly url: string; readonly timeoutMs: number },
): TransportJson {
  const { name, title, protocol, measurement, openedByStats } = result;
  const { answered, failed, failures, firstFailure, requestsPerSecond, latencyMs, connections, cpuMicrosPerRequest } =
    measurement;
  return {
    name,
    title,
    protocol,
    answered,
    failed,
    failures,
    firstFailure: failed === 0 ? null : failureJson(firstFailure, context),
    requestsPerSecond,
    latencyMs: latencyMs ?? null,
    latencyCurve: measurement.latencyCurve,
    connections: { opened: connections, openedByStats: openedByStats ?? connections },
    handshakes: measurement.handshakes,
    maxStreams: measurement.maxStreams ?? null,
    reusedShare: measurement.reusedShare,
    cpuMicrosPerRequest: cpuMicrosPerRequest ?? null,
    heads: result.heads ?? null,
    rounds: measurement.rounds,
    firstExchanges: exchangesJson(measurement.firstExchanges),
  };
}

/** In the order in which they started; connections get numbers from 0 in the order in which they appear. */
function exchangesJson(samples: readonly ExchangeSample[]): readonly ExchangeJson[] {
  const sorted = [...samples].sort((a, b) => a.startedAt - b.startedAt);
  const start = sorted[0]?.startedAt ?? 0;
  const connections = [...new Set(sorted.map(({ connection }) => connection))];
  return sorted.map(({ connection, startedAt, timings }) => ({
    connection: connections.indexOf(connection),
    startedMs: toMicroseconds(startedAt - start),
    queuedMs: toMicroseconds(timings.queued),
    resolvedMs: orNull(timings.resolved),
    connectedMs: orNull(timings.connected),
    securedMs: orNull(timings.secured),
    readyMs: orNull(timings.ready),
    sentMs: orNull(timings.sent),
    firstByteMs: toMicroseconds(timings.firstByte),
    endMs: orNull(timings.end),
  }));
}

function orNull(ms: number | undefined): number | null {
  return ms === undefined ? null : toMicroseconds(ms);
}

/** Finer than that says nothing. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function failureJson(error: unknown, context: { readonly url: string; readonly timeoutMs: number }): FailureJson {
  const known = isTransportError(error);
  return {
    code: known ? error.code : "UNKNOWN",
    phase: known ? error.phase : null,
    message: describeFailure(error, context),
  };
}
