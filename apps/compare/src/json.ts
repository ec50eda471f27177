import { createHash } from "node:crypto";
import { isTransportError, type Phase, type TransportErrorCode } from "@holdfast/transport";
import type { TargetResult, TransportResult } from "./compare.ts";
import { type Environment, networkOf } from "./environment.ts";
import type { Answer, Equality } from "./equality.ts";
import { describeFailure } from "./failure.ts";
import type { Latency, Round } from "./measure.ts";
import type { HeadCount } from "./head-count.ts";
import { type Comparison, type Outcome, outcomeOf } from "./outcome.ts";
import { roundSizes, warmUpSize } from "./workload.ts";

/** What `--json` writes; SCHEMA.md says the same in words. A change that a reader could trip over raises `schema`. */
export interface ReportJson {
  readonly schema: 1;
  readonly tool: { readonly name: "@holdfast/compare"; readonly version: string };
  readonly startedAt: string;
  readonly outcome: Outcome;
  readonly environment: Environment;
  readonly workload: {
    readonly method: string;
    readonly fields: readonly string[];
    readonly bodyBytes: number;
    readonly requests: number;
    readonly concurrency: number;
    readonly rounds: number;
    readonly warmUpRequests: number;
    readonly timeoutMs: number;
  };
  readonly adapters: readonly AdapterJson[];
  readonly targets: readonly TargetJson[];
}

export interface AdapterJson {
  readonly name: string;
  readonly module: string;
  readonly vendor: string;
}

export interface TargetJson {
  readonly name: "plain" | "tls" | "url";
  readonly url: string;
  readonly network: "loopback" | "remote" | "unknown";
  readonly tlsVersion: string | null;
  readonly probeFailure: FailureJson | null;
  readonly leftOut: readonly { readonly name: string; readonly title: string; readonly failure: FailureJson }[];
  readonly stoppedEarly: boolean;
  readonly equality: Equality | null;
  /** The first measured answer, over the baseline if it had one. */
  readonly answer: { readonly status: number; readonly bodyBytes: number; readonly bodySha256: string } | null;
  readonly transports: readonly TransportJson[];
}

export interface FailureJson {
  readonly code: TransportErrorCode | "UNKNOWN";
  readonly phase: Phase | null;
  readonly message: string;
}

export interface TransportJson {
  readonly name: string;
  readonly title: string;
  readonly protocol: string;
  readonly answered: number;
  readonly failed: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly firstFailure: FailureJson | null;
  readonly requestsPerSecond: number;
  readonly latencyMs: Latency | null;
  readonly connections: { readonly opened: number; readonly openedByStats: number };
  readonly handshakes: { readonly full: number; readonly resumed: number };
  readonly maxStreams: number | null;
  readonly reusedShare: number;
  readonly cpuMicrosPerRequest: number | null;
  readonly heads: HeadCount | null;
  readonly rounds: readonly Round[];
}

/** The whole comparison as plain data. Holds names of request fields, never their values. */
export function toJson(comparison: Comparison, version: string): ReportJson {
  const { startedAt, environment, workload } = comparison;
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
    },
    adapters: comparison.adapters.map(({ entry: { name }, module, vendor }) => ({ name, module, vendor })),
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
    probeFailure: probeFailure === undefined ? null : failureJson(probeFailure.error, context),
    leftOut: leftOut.map(({ name, title, error }) => ({ name, title, failure: failureJson(error, context) })),
    stoppedEarly: stoppedBy !== undefined,
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
    connections: { opened: connections, openedByStats },
    handshakes: measurement.handshakes,
    maxStreams: measurement.maxStreams ?? null,
    reusedShare: measurement.reusedShare,
    cpuMicrosPerRequest: cpuMicrosPerRequest ?? null,
    heads: result.heads ?? null,
    rounds: measurement.rounds,
  };
}

function failureJson(error: unknown, context: { readonly url: string; readonly timeoutMs: number }): FailureJson {
  const known = isTransportError(error);
  return {
    code: known ? error.code : "UNKNOWN",
    phase: known ? error.phase : null,
    message: describeFailure(error, context),
  };
}
