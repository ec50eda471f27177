import { isTransportError } from "@holdfast/transport";
import type { TargetResult, TransportResult } from "./compare.ts";
import { networkOf } from "./environment.ts";
import type { Equality } from "./equality.ts";
import { describeFailure, isConnectFailure } from "./failure.ts";
import { headBytesPerExchange } from "./head-count.ts";
import { type Comparison, wasMeasured } from "./outcome.ts";
import { messageOf, sentence } from "./sentence.ts";
import { type Column, layTable } from "./table.ts";
import { bestOf, headBytes, headsVerdictOf, verdictOf } from "./verdict.ts";
import { roundSizes, warmUpSize, type Workload } from "./workload.ts";

/** Marks text up for a terminal, or leaves it as it is. */
export type Paint = (style: "bold" | "dim", text: string) => string;

/** The report for people: where and what, then a table for each target with what follows from it. */
export function renderReport(comparison: Comparison, paint: Paint = (_, text) => text): string {
  const { environment, workload, adapters, targets, interrupted } = comparison;
  const { node, platform, arch, cores, cpu } = environment;
  const network = networkOf(targets.find(({ remoteAddress }) => remoteAddress !== undefined)?.remoteAddress);
  const measured = targets.some(wasMeasured);
  const head = [
    [`Node.js ${node}`, `${platform} ${arch}`, `${cores} × ${cpu}`, ...(network === "unknown" ? [] : [network])].join(
      ", ",
    ),
    ...describeWorkload(workload),
    ...adapters.map(({ entry, module, vendor }) => `${entry.title}: ${module}, ${entry.protocol}, by ${vendor}`),
  ];
  const blocks = [
    ...(measured ? [head.map((line) => paint("dim", line)).join("\n")] : []),
    ...targets.map((target) => renderTarget(target, workload, paint)),
    ...(measured ? [paint("dim", "CPU is that of the client process alone; checking each answer is part of it.")] : []),
    ...(interrupted ? ["Interrupted: the figures cover what was measured until then."] : []),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function describeWorkload({ method, body, requests, concurrency }: Workload): readonly string[] {
  const rounds = roundSizes(requests).length;
  const bytes = body === undefined ? "" : ` with a body of ${amount(Buffer.byteLength(body), "byte")}`;
  return [
    `${method}${bytes}: ${amount(requests, "request")} over each transport, ${count(concurrency)} at a time, in ${amount(rounds, "round")} by turns`,
    `after ${amount(warmUpSize(requests), "request")} over each to warm up`,
  ];
}

function renderTarget(result: TargetResult, workload: Workload, paint: Paint): string {
  const { target, tlsVersion, probeFailure, leftOut, results, equality, stoppedBy } = result;
  const context = { url: target.url, timeoutMs: workload.timeoutMs };
  if (probeFailure !== undefined) {
    const { title, error } = probeFailure;
    return `${title === undefined ? "" : `Over ${title}: `}${describeFailure(error, context)}`;
  }
  const heading = `${target.url}${tlsVersion === undefined ? "" : ` (${tlsVersion.replace("TLSv", "TLS ")})`}`;
  if (!wasMeasured(result)) return `${paint("bold", heading)}\nNothing was measured.`;
  const [first = "", second = "", ...rows] = layResults(results);
  const [baseline, ...others] = results;
  const best = bestOf(results);
  return [
    paint("bold", heading),
    paint("dim", first),
    paint("dim", second),
    ...rows,
    "",
    ...others.flatMap((other) => (baseline === undefined ? [] : (verdictOf(baseline, other) ?? []))),
    ...results.flatMap((one) => headsVerdictOf(one) ?? []),
    ...(best === undefined ? [] : [best]),
    ...leftOut.map(({ title, error }) => renderLeftOut(title, error, target.url)),
    ...(equality === undefined ? ["No answer to compare."] : renderEquality(equality, result)),
    ...results.flatMap((one) => renderFailures(one, context, workload)),
    ...(stoppedBy === undefined ? [] : [`Stopped early, because request after request failed over ${stoppedBy}.`]),
    ...results.flatMap(renderOtherConnections),
  ].join("\n");
}

function renderLeftOut(title: string, error: unknown, url: string): string {
  const { origin } = new URL(url);
  const code = isTransportError(error) ? error.code : "UNKNOWN";
  if (code === "NEGOTIATION_FAILED") return `${title} is left out: ${origin} does not speak it.`;
  if (isConnectFailure(error)) {
    return `${title} is left out: no such connection to ${origin} could be made (${code}).`;
  }
  return `${title} is left out: its first exchange with ${origin} failed: ${sentence(messageOf(error))}`;
}

/** Handshakes, streams and heads have a column only where there were any or they could be counted. */
function layResults(results: readonly TransportResult[]): readonly string[] {
  const secure = results.some(({ measurement: { handshakes } }) => handshakes.full + handshakes.resumed > 0);
  const multiplexed = results.some(({ measurement: { maxStreams } }) => maxStreams !== undefined);
  const counted = results.some(({ heads }) => heads !== undefined);
  const right = (first: string, second: string): Column => ({ header: [first, second], align: "right" });
  const columns: Column[] = [
    { header: ["", "transport"], align: "left" },
    right("", "req/s"),
    right("p50", "ms"),
    right("p90", "ms"),
    right("p99", "ms"),
    right("connections", "opened"),
    ...(secure ? [right("TLS full", "/resumed")] : []),
    ...(multiplexed ? [right("streams", "at once")] : []),
    right("reused", "%"),
    ...(counted ? [right("heads", "B/req")] : []),
    right("CPU", "µs/req"),
  ];
  const rows = results.map(({ title, measurement, heads }) => {
    const { latencyMs, cpuMicrosPerRequest, handshakes } = measurement;
    return [
      title,
      count(Math.round(measurement.requestsPerSecond)),
      milliseconds(latencyMs?.p50),
      milliseconds(latencyMs?.p90),
      milliseconds(latencyMs?.p99),
      count(measurement.connections),
      ...(secure ? [`${count(handshakes.full)}/${count(handshakes.resumed)}`] : []),
      ...(multiplexed ? [measurement.maxStreams === undefined ? "-" : count(measurement.maxStreams)] : []),
      // Rounded down: 100 means all.
      decimal(Math.floor(measurement.reusedShare * 1_000) / 10, 1),
      ...(counted ? [bytesOrNone(heads === undefined ? undefined : headBytesPerExchange(heads))] : []),
      decimal(cpuMicrosPerRequest, 0),
    ];
  });
  return layTable(columns, rows);
}

function renderEquality(equality: Equality, { results, firstAnswer }: TargetResult): readonly string[] {
  const { verdict, differences, varying, ignoredFields } = equality;
  const answers = results.reduce((total, { measurement }) => total + measurement.answered, 0);
  const titles = new Map(results.map(({ name, title }) => [name, title]));
  const [baseline] = results;
  const lines: string[] = [];
  const status = `status ${firstAnswer?.status ?? "unknown"}`;
  if (verdict === "equal") {
    const bytes = amount(firstAnswer?.body.byteLength ?? 0, "byte");
    lines.push(`Answers: all ${count(answers)} are equal byte for byte: ${status}, a body of ${bytes}.`);
  }
  if (verdict === "varies") {
    lines.push(`Answers: the bodies vary by themselves; all ${count(answers)} agree in ${status} and length class.`);
  }
  for (const { transport, answers: differing, detail } of differences) {
    const who = titles.get(transport) ?? transport;
    const whose =
      differing > 0 ? `${amount(differing, "answer")} unlike its first` : `unlike ${baseline?.title ?? "the baseline"}`;
    lines.push(`Answers differ: ${who} has ${detail} (${whose}).`);
  }
  const parts = varying.filter((part) => part !== "body").map((part) => part.replace("field ", ""));
  if (verdict === "equal" && parts.length > 0)
    lines.push(`Not compared, because they vary by themselves: ${parts.join(", ")}.`);
  if (verdict !== "varies" && ignoredFields.length > 0) lines.push(`Fields not compared: ${ignoredFields.join(", ")}.`);
  return lines;
}

function renderFailures(
  { title, measurement: { answered, failed, failures, firstFailure } }: TransportResult,
  context: { readonly url: string; readonly timeoutMs: number },
  { requests }: Workload,
): readonly string[] {
  if (failed === 0) return [];
  const codes = Object.entries(failures).map(([code, times]) => `${code} ${count(times)}`);
  const sent = answered + failed === requests ? count(requests) : `${count(answered + failed)} sent`;
  return [
    `Failed: ${count(failed)} of ${sent} over ${title}: ${codes.join(", ")}.`,
    `  ${describeFailure(firstFailure, context)}`,
  ];
}

/** The transport's own count must agree with what the answers tell. */
function renderOtherConnections(result: TransportResult): readonly string[] {
  const { title, openedByStats, measurement } = result;
  const other = openedByStats - measurement.connections;
  if (other === 0) return [];
  if (other > 0) return [`${title} opened ${amount(other, "more connection")} that carried no answer.`];
  return [`${title} counts ${amount(-other, "connection")} less than carried answers; its count is wrong.`];
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function amount(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function decimal(value: number | undefined, digits: number): string {
  return value === undefined
    ? "-"
    : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function bytesOrNone(value: number | undefined): string {
  return value === undefined ? "-" : headBytes(value);
}

/** Three digits that count; a table has no room for more. */
function milliseconds(value: number | undefined): string {
  return decimal(value, value === undefined || value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}
