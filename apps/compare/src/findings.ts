import { amount, count } from "./figures.ts";
import type { LeftOutJson, ReportJson, TargetJson, TransportJson } from "./report-json.ts";
import { bestOf, headsVerdictOf, verdictOf } from "./verdict.ts";

/** Where it ran, what was sent, and whose adapters took part; a line each. */
export function describeRun({ environment, workload, adapters, targets }: ReportJson): readonly string[] {
  const { node, platform, arch, cores, cpu } = environment;
  const { method, bodyBytes, requests, concurrency, rounds, warmUpRequests, roundTripMs } = workload;
  const network = targets.find((target) => target.network !== "unknown")?.network;
  const machine = [
    `Node.js ${node}`,
    `${platform} ${arch}`,
    `${cores} × ${cpu}`,
    ...(network === undefined ? [] : [network]),
    ...(roundTripMs === 0 ? [] : [`an emulated round trip of ${count(roundTripMs)} ms`]),
  ];
  const body = bodyBytes === 0 ? "" : ` with a body of ${amount(bodyBytes, "byte")}`;
  return [
    machine.join(", "),
    `${method}${body}: ${amount(requests, "request")} over each transport, ${count(concurrency)} at a time, in ${amount(rounds, "round")} by turns`,
    `after ${amount(warmUpRequests, "request")} over each to warm up`,
    ...adapters.map(({ title, module, protocol, vendor }) => `${title}: ${module}, ${protocol}, by ${vendor}`),
  ];
}

/** What follows from the figures of a target, and what is to be known about them; a sentence or two each. */
export function findingsOf(target: TargetJson, { requests }: ReportJson["workload"]): readonly string[] {
  const { transports, leftOut, equality, stoppedBy } = target;
  const [baseline, ...others] = transports;
  const best = bestOf(transports);
  return [
    ...others.flatMap((other) => (baseline === undefined ? [] : (verdictOf(baseline, other) ?? []))),
    ...transports.flatMap((one) => headsVerdictOf(one) ?? []),
    ...(best === undefined ? [] : [best]),
    ...leftOut.map((one) => describeLeftOut(one, target.url)),
    ...(equality === null ? ["No answer to compare."] : describeEquality(equality, target)),
    ...transports.flatMap((one) => describeFailures(one, requests)),
    ...(stoppedBy === null ? [] : [`Stopped early, because request after request failed over ${stoppedBy}.`]),
    ...transports.flatMap(describeOtherConnections),
  ];
}

/** Where the requests went. */
export function headingOf({ url, tlsVersion }: TargetJson): string {
  return `${url}${tlsVersion === null ? "" : ` (${tlsVersion.replace("TLSv", "TLS ")})`}`;
}

/** The sentence of a target whose probe failed. */
export function describeProbeFailure({ title, message }: NonNullable<TargetJson["probeFailure"]>): string {
  return `${title === null ? "" : `Over ${title}: `}${message}`;
}

function describeLeftOut({ title, subprotocol, failure: { code, phase, message } }: LeftOutJson, url: string): string {
  const { origin } = new URL(url);
  const it = subprotocol === null ? "it" : `${subprotocol} over it`;
  if (code === "NEGOTIATION_FAILED") return `${title} is left out: ${origin} does not speak ${it}.`;
  return phase === "resolve" || phase === "connect" || phase === "secure"
    ? `${title} is left out: no such connection to ${origin} could be made (${code}).`
    : `${title} is left out. ${message}`;
}

function describeEquality(
  { verdict, differences, varying, ignoredFields }: NonNullable<TargetJson["equality"]>,
  { transports, answer }: TargetJson,
): readonly string[] {
  const answers = transports.reduce((total, { answered }) => total + answered, 0);
  const titles = new Map(transports.map(({ name, title }) => [name, title]));
  const [baseline] = transports;
  const lines: string[] = [];
  const status = `status ${answer?.status ?? "unknown"}`;
  if (verdict === "equal") {
    const bytes = amount(answer?.bodyBytes ?? 0, "byte");
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

function describeFailures(
  { title, answered, failed, failures, firstFailure }: TransportJson,
  requests: number,
): readonly string[] {
  if (failed === 0) return [];
  const codes = Object.entries(failures).map(([code, times]) => `${code} ${count(times)}`);
  const sent = answered + failed === requests ? count(requests) : `${count(answered + failed)} sent`;
  return [`Failed: ${count(failed)} of ${sent} over ${title}: ${codes.join(", ")}.\n  ${firstFailure?.message ?? ""}`];
}

/** The transport's own count must agree with what the answers tell. */
function describeOtherConnections({ title, connections: { opened, openedByStats } }: TransportJson): readonly string[] {
  const other = openedByStats - opened;
  if (other === 0) return [];
  if (other > 0) return [`${title} opened ${amount(other, "more connection")} that carried no answer.`];
  return [`${title} counts ${amount(-other, "connection")} less than carried answers; its count is wrong.`];
}
