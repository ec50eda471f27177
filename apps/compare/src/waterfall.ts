import { amount, milliseconds } from "./figures.ts";
import { type Markup, markup } from "./markup.ts";
import type { ExchangeJson, TransportJson } from "./report-json.ts";

/** What an exchange spends its time with, in order. */
export const phases = {
  queue: "waiting for a connection",
  connect: "connecting",
  tls: "TLS handshake",
  setup: "set-up of the protocol",
  wait: "sending, waiting for the head",
  body: "reading the body",
} as const;

export type PhaseName = keyof typeof phases;

/** A part of an exchange, in milliseconds since the first exchange started. */
export interface Span {
  readonly phase: PhaseName;
  readonly fromMs: number;
  readonly toMs: number;
}

const width = 340;
const gutter = 10;
const rowHeight = 5;
const connectionGap = 3;
const axisHeight = 24;
/** Of the bar above the rows, with the room below it. */
const shareHeight = 14;

/** The phases of an exchange without a gap between them; those that did not happen are left out. */
export function spansOf(exchange: ExchangeJson): readonly Span[] {
  const { startedMs, queuedMs, resolvedMs, connectedMs, securedMs, readyMs, firstByteMs, endMs } = exchange;
  const ends: readonly (readonly [PhaseName, number | null])[] = [
    ["queue", queuedMs],
    ["connect", connectedMs ?? resolvedMs],
    ["tls", securedMs],
    ["setup", readyMs],
    ["wait", firstByteMs],
    ["body", endMs],
  ];
  const spans: Span[] = [];
  let from = 0;
  for (const [phase, end] of ends) {
    if (end === null || end <= from) continue;
    spans.push({ phase, fromMs: startedMs + from, toMs: startedMs + end });
    from = end;
  }
  return spans;
}

/** When the last of these exchanges was over, on the axis of {@link waterfall}. */
export function endOf(exchanges: readonly ExchangeJson[]): number {
  return Math.max(0, ...exchanges.map(({ startedMs, endMs, firstByteMs }) => startedMs + (endMs ?? firstByteMs)));
}

/**
 * The first exchanges over a transport as SVG: a row each, grouped by the connection that carried them, on a scale of its
 * own. A bar above says how long they took beside those that took longest.
 *
 * @param longestMs how long those took.
 */
export function waterfall(transport: TransportJson, index: number, longestMs: number, id: string): Markup {
  const { title, firstExchanges } = transport;
  const rows = [...firstExchanges].sort((a, b) => a.connection - b.connection || a.startedMs - b.startedMs);
  const connections = new Set(rows.map(({ connection }) => connection)).size;
  const endMs = endOf(rows);
  const height = shareHeight + rows.length * rowHeight + Math.max(0, connections - 1) * connectionGap + axisHeight;
  const bottom = height - axisHeight;
  const x = (ms: number): number => round(gutter + (ms / endMs) * (width - gutter - 6));
  const tops = rows.map(({ connection }, row) => shareHeight + row * rowHeight + connection * connectionGap);
  const text = `${amount(rows.length, "exchange")} on ${amount(connections, "connection")}, done after ${milliseconds(endMs)} ms`;
  return markup`<figure class="waterfall s${index % 6}">
<figcaption><b>${title}</b> ${text}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title">
<title id="${id}-title">${title}: ${text}</title>
<rect class="track" width="${width}" height="4" rx="2"/>
<rect class="connection" width="${round(Math.max(4, (endMs / longestMs) * width))}" height="4" rx="2"/>
<g class="axis">${timeTicks(endMs).map(
    (tick) => markup`<line x1="${x(tick)}" x2="${x(tick)}" y1="${shareHeight}" y2="${bottom + 4}"/>
<text x="${x(tick)}" y="${bottom + 17}" text-anchor="${tick === 0 ? "start" : "middle"}">${tick}${tick === 0 ? " ms" : ""}</text>`,
  )}</g>
${connectionMarks(rows, tops)}
${rows.map(
  (exchange, row) =>
    markup`<g>${spansOf(exchange).map(
      ({ phase, fromMs, toMs }) =>
        markup`<rect class="${phase}" x="${x(fromMs)}" y="${tops[row] ?? 0}" width="${round(Math.max(0.5, x(toMs) - x(fromMs)))}" height="${rowHeight - 1}"/>`,
    )}</g>`,
)}
</svg></figure>`;
}

/** A bar beside the rows of each connection. */
function connectionMarks(rows: readonly ExchangeJson[], tops: readonly number[]): readonly Markup[] {
  const numbers = [...new Set(rows.map(({ connection }) => connection))];
  return numbers.map((number) => {
    const mine = tops.filter((_, row) => rows[row]?.connection === number);
    const [first = 0, last = 0] = [mine[0], mine.at(-1)];
    return markup`<rect class="connection" x="0" y="${first}" width="4" height="${last - first + rowHeight - 1}"/>`;
  });
}

/** From 0 on, four to eight round numbers. */
export function timeTicks(endMs: number): readonly number[] {
  const widest = endMs / 3;
  const power = 10 ** Math.floor(Math.log10(widest));
  const step = Math.max(...[1, 2, 5].map((one) => one * power).filter((one) => one <= widest));
  return Array.from({ length: Math.floor(endMs / step) + 1 }, (_, at) => Number((at * step).toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
