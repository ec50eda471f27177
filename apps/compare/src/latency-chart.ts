import { milliseconds } from "./figures.ts";
import { type Markup, markup } from "./markup.ts";
import type { TransportJson } from "./report-json.ts";

const [width, height] = [960, 360];
const plot = { left: 56, right: width - 150, top: 10, bottom: height - 44 } as const;
const lastPercentile = 99.9;

/**
 * The latency of each transport by percentile, as SVG. Both axes are logarithmic, so that a tail takes as much room as it
 * deserves: as far from 90 to 99 as from 0 to 90. Undefined if nothing was answered.
 */
export function latencyChart(transports: readonly TransportJson[], id: string): Markup | undefined {
  const series = transports
    .map(({ title, latencyCurve }, index) => ({
      title,
      index,
      points: latencyCurve.filter(({ percentile }) => percentile <= lastPercentile),
    }))
    .filter(({ points }) => points.length > 0);
  if (series.length === 0) return undefined;
  const all = series.flatMap(({ points }) => points.map(({ latencyMs }) => latencyMs));
  const { least, most, ticks } = latencyAxis(Math.min(...all), Math.max(...all));
  const y = (ms: number): number =>
    plot.bottom - ((Math.log(ms) - Math.log(least)) / (Math.log(most) - Math.log(least))) * (plot.bottom - plot.top);
  const ends = series.map(({ points }) => y(points.at(-1)?.latencyMs ?? least));
  const labels = spread(ends, 16);
  return markup`<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${id}-title ${id}-text">
<title id="${id}-title">Latency by percentile</title>
<desc id="${id}-text">${series.map(({ title, points }) => describe(title, points)).join(" ")}</desc>
<g class="axis">${ticks.map(
    (tick) => markup`<line x1="${plot.left}" x2="${plot.right}" y1="${round(y(tick))}" y2="${round(y(tick))}"/>
<text x="${plot.left - 8}" y="${round(y(tick) + 4)}" text-anchor="end">${tick}${tick === ticks.at(-1) ? " ms" : ""}</text>`,
  )}
${[0, 50, 75, 90, 95, 99, 99.9].map(
  (
    percentile,
  ) => markup`<line class="tick" x1="${round(x(percentile))}" x2="${round(x(percentile))}" y1="${plot.bottom}" y2="${plot.bottom + 5}"/>
<text x="${round(x(percentile))}" y="${plot.bottom + 19}" text-anchor="middle">${percentile}</text>`,
)}
<text class="name" x="${plot.right}" y="${height - 6}" text-anchor="end">percentile of the answers</text></g>
${series.map(
  ({ title, index, points }, place) => markup`<g class="series s${index % 6}">
<path d="${pathOf(points.map(({ percentile, latencyMs }) => [x(percentile), y(latencyMs)] as const))}"/>
<path class="lead" d="${pathOf([
    [plot.right, ends[place] ?? 0],
    [plot.right + 8, labels[place] ?? 0],
  ])}"/>
<text x="${plot.right + 12}" y="${round((labels[place] ?? 0) + 4)}">${title}</text></g>`,
)}
</svg>`;
}

/** 0 is at the left; each further nine is as far again. */
function x(percentile: number): number {
  const nines = (p: number): number => -Math.log10(1 - p / 100);
  return plot.left + (nines(percentile) / nines(lastPercentile)) * (plot.right - plot.left);
}

/** An axis from one number of 1, 2, 5, 10 and so on to another that holds both; its ticks are the powers of ten if it is long. */
export function latencyAxis(
  leastMs: number,
  mostMs: number,
): { readonly least: number; readonly most: number; readonly ticks: readonly number[] } {
  const powers = Array.from({ length: 12 }, (_, index) => index - 4);
  const all = powers.flatMap((power) => [1, 2, 5].map((step) => Number((step * 10 ** power).toPrecision(1))));
  const first = Math.max(
    0,
    all.findLastIndex((tick) => tick <= leastMs),
  );
  const last = all.findIndex((tick) => tick >= mostMs && tick > (all[first] ?? 0));
  const ticks = all.slice(first, last + 1);
  const [least = 1, most = 10] = [ticks[0], ticks.at(-1)];
  const short = ticks.length <= 10;
  return { least, most, ticks: short ? ticks : ticks.filter((tick) => Number.isInteger(Math.log10(tick))) };
}

/** Moves what is too close apart, and keeps the order; all stays around where it was. */
export function spread(places: readonly number[], gap: number): readonly number[] {
  const order = places.map((_, index) => index).sort((a, b) => (places[a] ?? 0) - (places[b] ?? 0));
  const moved = order.map((index) => places[index] ?? 0);
  for (let at = 1; at < moved.length; at += 1) {
    moved[at] = Math.max(moved[at] ?? 0, (moved[at - 1] ?? 0) + gap);
  }
  // All went down; half of it back keeps the middle where it was.
  const shift = moved.reduce((sum, place, at) => sum + place - (places[order[at] ?? 0] ?? 0), 0) / (moved.length || 1);
  const result = [...places];
  for (const [at, index] of order.entries()) result[index] = (moved[at] ?? 0) - shift;
  return result;
}

function describe(title: string, points: TransportJson["latencyCurve"]): string {
  const at = (wanted: number): string =>
    milliseconds(points.find(({ percentile }) => percentile === wanted)?.latencyMs ?? points.at(-1)?.latencyMs);
  return `${title}: ${at(50)} ms at 50 percent, ${at(90)} at 90, ${at(99)} at 99.`;
}

function pathOf(points: readonly (readonly [x: number, y: number])[]): string {
  return points.map(([a, b], index) => `${index === 0 ? "M" : "L"}${round(a)} ${round(b)}`).join("");
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
