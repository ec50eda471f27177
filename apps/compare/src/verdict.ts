import { headBytes } from "./figures.ts";
import { headBytesPerExchange, textBytesPerExchange } from "./head-count.ts";
import type { Round } from "./measure.ts";
import type { TransportJson } from "./report-json.ts";

/**
 * One sentence that holds a transport against the baseline: `HTTP/1.1 keep-alive: 3.1 times the requests per second, 62% less
 * CPU per request, 16 connections instead of 2,000.` Undefined if either was never answered.
 */
export function verdictOf(before: TransportJson, after: TransportJson): string | undefined {
  if (before.answered === 0 || after.answered === 0) return undefined;
  return `${after.title}: ${speed(before, after)}, ${cpu(before, after)}, ${connections(before.connections.opened, after.connections.opened)}.`;
}

/**
 * One sentence that holds the heads of a transport against the same fields as text: `HTTP/2: 14.2 bytes of head per request;
 * as HTTP/1.1 text the same fields take 222, so HPACK saves 94%.` Undefined if nothing was counted or nothing is compressed.
 */
export function headsVerdictOf({ title, protocol, heads }: TransportJson): string | undefined {
  if (heads === null || protocol !== "h2") return undefined;
  const [bytes, text] = [headBytesPerExchange(heads), textBytesPerExchange(heads)];
  if (bytes === undefined || text === undefined) return undefined;
  const saved = Math.round((1 - bytes / text) * 100);
  return `${title}: ${headBytes(bytes)} bytes of head per request; as HTTP/1.1 text the same fields take ${headBytes(text)}, so HPACK saves ${saved}%.`;
}

/**
 * One sentence that names the winner of each column, as far as there is a clear one: `Best: HTTP/1.1 keep-alive in requests per
 * second and in CPU, HTTP/2 in connections.` Undefined for fewer than three that were answered, where {@link verdictOf} says all.
 */
export function bestOf(results: readonly TransportJson[]): string | undefined {
  const answered = results.filter((one) => one.answered > 0);
  if (answered.length < 3) return undefined;
  const winners = new Map<string, string[]>();
  for (const [column, beats] of columns) {
    const best = answered.find((one) => answered.every((other) => other === one || beats(one, other)));
    if (best !== undefined) winners.set(best.title, [...(winners.get(best.title) ?? []), column]);
  }
  if (winners.size === 0) return "Best: no clear winner.";
  return `Best: ${[...winners].map(([title, won]) => `${title} ${list(won)}`).join(", ")}.`;
}

/** Speed and CPU must agree in every round. */
const columns: readonly (readonly [name: string, beats: (one: TransportJson, other: TransportJson) => boolean])[] = [
  ["in requests per second", (one, other) => inEveryRound(one, other, (a, b) => rate(a) > rate(b))],
  ["in CPU", (one, other) => inEveryRound(one, other, (a, b) => a.cpuMicros * b.answered < b.cpuMicros * a.answered)],
  ["in connections", (one, other) => one.connections.opened < other.connections.opened],
];

function inEveryRound(one: TransportJson, other: TransportJson, wins: (a: Round, b: Round) => boolean): boolean {
  return one.rounds.every((round, index) => wins(round, other.rounds[index] ?? round));
}

function list(items: readonly string[]): string {
  return items.length < 2 ? items.join() : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

function speed(before: TransportJson, after: TransportJson): string {
  if (!agree(before.rounds, after.rounds)) return "no clear difference in requests per second";
  return `${(after.requestsPerSecond / before.requestsPerSecond).toFixed(1)} times the requests per second`;
}

/** The same transport was faster in every round. Rounds of one number ran side by side, so they are held against each other. */
function agree(before: readonly Round[], after: readonly Round[]): boolean {
  const faster = before.map((round, index) => rate(after[index] ?? round) > rate(round));
  return faster.every((one) => one === faster[0]);
}

function rate({ answered, elapsedMs }: Round): number {
  return answered / elapsedMs;
}

function cpu(before: TransportJson, after: TransportJson): string {
  const change = (after.cpuMicrosPerRequest ?? 0) / (before.cpuMicrosPerRequest ?? 1) - 1;
  const percent = Math.round(Math.abs(change) * 100);
  return percent === 0 ? "as much CPU per request" : `${percent}% ${change < 0 ? "less" : "more"} CPU per request`;
}

function connections(before: number, after: number): string {
  const text = `${after.toLocaleString("en-US")} connection${after === 1 ? "" : "s"}`;
  return before === after ? `${text} like the baseline` : `${text} instead of ${before.toLocaleString("en-US")}`;
}
