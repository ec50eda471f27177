import type { Phase, TransportErrorCode } from "@holdfast/transport";
import type { Environment } from "./environment.ts";
import type { Equality } from "./equality.ts";
import type { HeadCount } from "./head-count.ts";
import type { Latency, LatencyPoint, Round } from "./measure.ts";
import type { Outcome } from "./outcome.ts";

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
    readonly roundTripMs: number;
  };
  readonly adapters: readonly AdapterJson[];
  readonly targets: readonly TargetJson[];
}

export interface AdapterJson {
  readonly name: string;
  readonly title: string;
  readonly protocol: string;
  readonly module: string;
  readonly vendor: string;
}

export interface TargetJson {
  readonly name: "plain" | "tls" | "url";
  readonly url: string;
  readonly network: "loopback" | "remote" | "unknown";
  readonly tlsVersion: string | null;
  readonly probeFailure: ProbeFailureJson | null;
  readonly leftOut: readonly LeftOutJson[];
  readonly stoppedEarly: boolean;
  readonly stoppedBy: string | null;
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

export interface ProbeFailureJson extends FailureJson {
  readonly title: string | null;
}

export interface LeftOutJson {
  readonly name: string;
  readonly title: string;
  readonly subprotocol: string | null;
  readonly failure: FailureJson;
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
  readonly latencyCurve: readonly LatencyPoint[];
  readonly connections: { readonly opened: number; readonly openedByStats: number };
  readonly handshakes: { readonly full: number; readonly resumed: number };
  readonly maxStreams: number | null;
  readonly reusedShare: number;
  readonly cpuMicrosPerRequest: number | null;
  readonly heads: HeadCount | null;
  readonly rounds: readonly Round[];
  readonly firstExchanges: readonly ExchangeJson[];
}

/** When one exchange started, and from then on when each phase was over; `null` for what did not happen. */
export interface ExchangeJson {
  readonly connection: number;
  readonly startedMs: number;
  readonly queuedMs: number;
  readonly resolvedMs: number | null;
  readonly connectedMs: number | null;
  readonly securedMs: number | null;
  readonly readyMs: number | null;
  readonly sentMs: number | null;
  readonly firstByteMs: number;
  readonly endMs: number | null;
}

/** Whether any measured exchange over this target has ended. */
export function wasMeasured({ transports }: TargetJson): boolean {
  return transports.some(({ answered, failed }) => answered + failed > 0);
}
