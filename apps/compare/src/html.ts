import { describeProbeFailure, describeRun, findingsOf, headingOf } from "./findings.ts";
import { style } from "./html-style.ts";
import { latencyChart } from "./latency-chart.ts";
import { type Markup, markup } from "./markup.ts";
import { cpuNote, interruptedNote } from "./report.ts";
import { type ReportJson, type TargetJson, type TransportJson, wasMeasured } from "./report-json.ts";
import { resultTable } from "./result-table.ts";
import { endOf, phases, type PhaseName, spansOf, waterfall } from "./waterfall.ts";

/**
 * The report as one HTML page: figures, latency curve and connections for each target. It refers to nothing outside, runs no
 * script, follows the reader's choice of light or dark, and can be printed.
 */
export function renderHtml(json: ReportJson): string {
  const { targets, tool, startedAt, outcome } = json;
  const [machine = "", sent = "", warmUp = "", ...adapters] = describeRun(json);
  const when = startedAt.replace("T", " ").replace(/\..*$/, " UTC");
  const { markup: text } = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Transports compared, ${when}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<header>
<h1>One workload, several transports</h1>
<p>${sent}, ${warmUp}.</p>
${adapters.map((line) => markup`<p>${line}</p>\n`)}<p class="soft">${machine}, <time datetime="${startedAt}">${when}</time></p>
${outcome === "interrupted" ? markup`<p class="answers bad">${interruptedNote}</p>` : undefined}
</header>
<main>
${targets.map((target, index) => section(target, json.workload, `t${index}`))}
</main>
<footer class="note">
<p>${cpuNote}</p>
<p>Made by ${tool.name} ${tool.version}. These figures are of this machine at that time; on another they are others.</p>
</footer>
</body>
</html>
`;
  return text;
}

function section(target: TargetJson, workload: ReportJson["workload"], id: string): Markup {
  const { probeFailure, transports } = target;
  const body =
    probeFailure !== null
      ? markup`<p class="answers bad">${describeProbeFailure(probeFailure)}</p>`
      : wasMeasured(target)
        ? measured(target, workload, id)
        : markup`<p>Nothing was measured.</p>`;
  return markup`<section aria-labelledby="${id}">
<h2 id="${id}">${transports.length === 0 ? target.url : headingOf(target)}</h2>
${body}
</section>
`;
}

function measured(target: TargetJson, workload: ReportJson["workload"], id: string): Markup {
  const { transports, equality } = target;
  const findings = findingsOf(target, workload);
  // The answers come first: figures of unequal answers compare nothing.
  const answers = findings.filter((finding) => finding.startsWith("Answers"));
  const good = equality !== null && equality.verdict !== "different";
  const chart = latencyChart(transports, `${id}-latency`);
  return markup`${answers.map((line) => markup`<p class="answers ${good ? "good" : "bad"}">${good ? "✓" : "✗"} ${line}</p>\n`)}
${table(target)}
<ul>${findings.filter((finding) => !answers.includes(finding)).map((finding) => markup`<li>${emphasized(finding)}</li>\n`)}</ul>
${
  chart === undefined
    ? undefined
    : markup`<h3>Latency</h3>
<p class="note">So many percent of the answers took no longer. Lower is better.</p>
<div class="scroll" tabindex="0" role="region" aria-label="Latency by percentile"><div class="latency">${chart}</div></div>`
}
${waterfalls(transports, id)}`;
}

/** What a sentence is about stands before its first colon. */
function emphasized(finding: string): Markup {
  const [, subject, rest] = /^([^:]{1,40}): (.*)$/s.exec(finding) ?? [];
  return subject === undefined ? markup`${finding}` : markup`<b>${subject}:</b> ${rest}`;
}

function table({ transports, url }: TargetJson): Markup {
  const { columns, rows } = resultTable(transports);
  const names = columns.map(({ header: [first, second] }) => markup`<th scope="col">${first} <br>${second}</th>`);
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="Figures of ${url}"><table>
<thead><tr>${names}</tr></thead>
<tbody>
${rows.map(
  ([title = "", ...cells], index) =>
    markup`<tr><th scope="row"><span class="swatch s${index % 6}"></span>${title}</th>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>\n`,
)}</tbody>
</table></div>`;
}

function waterfalls(transports: readonly TransportJson[], id: string): Markup | undefined {
  const shown = transports.filter(({ firstExchanges }) => firstExchanges.length > 0);
  if (shown.length === 0) return undefined;
  const endMs = Math.max(...shown.map(({ firstExchanges }) => endOf(firstExchanges)));
  const seen = new Set(
    shown.flatMap(({ firstExchanges }) => firstExchanges.flatMap(spansOf)).map(({ phase }) => phase),
  );
  const names = (Object.keys(phases) as PhaseName[]).filter((phase) => seen.has(phase));
  return markup`<h3>The first exchanges, by connection</h3>
<p class="note">A row for each exchange; the bar at the left holds those of one connection together. Each scale is its own; the bar above says how long it took beside the slowest.</p>
<ul class="legend">${names.map(
    (phase) =>
      markup`<li><svg viewBox="0 0 1 1" aria-hidden="true"><rect class="${phase}" width="1" height="1"/></svg>${phases[phase]}</li>\n`,
  )}</ul>
<div class="falls">
${transports.map((transport, index) => (transport.firstExchanges.length === 0 ? markup`` : waterfall(transport, index, endMs, `${id}-w${index}`)))}
</div>`;
}
