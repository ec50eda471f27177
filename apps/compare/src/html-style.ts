/** The look of the HTML report. Colours are named by what they show: `--s0` to `--s5` transports, the rest phases. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #fdfdfc; --card: #fff; --ink: #1b1e23; --soft: #5b6370; --rule: #e2e4e8; --grid: #eceef1;
  --good: #14734a; --bad: #b42318;
  --s0: #717986; --s1: #1d63d8; --s2: #c2410c; --s3: #0b7d57; --s4: #8436c9; --s5: #8a6100;
  --queue: #c3c8d0; --connect: #d98a1b; --tls: #9a5bd0; --setup: #c74f8a; --wait: #2c9c73; --body: #2f78e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #121417; --card: #191c20; --ink: #e8eaed; --soft: #9ca4b0; --rule: #2d3239; --grid: #262a31;
    --good: #5fcf9a; --bad: #ff8a7d;
    --s0: #98a1ae; --s1: #76abff; --s2: #ff9466; --s3: #55cb95; --s4: #c79bff; --s5: #e2bd4c;
    --queue: #626b78; --connect: #e5a23f; --tls: #b98ae6; --setup: #e07fb0; --wait: #46b98c; --body: #5c9bf5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 3rem 1.25rem 4rem; max-width: 68rem; background: var(--page); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
h1 { margin: 0 0 .5rem; font-size: 1.9rem; line-height: 1.2; letter-spacing: -.015em; text-wrap: balance; }
h2 { margin: 0; font-size: 1.2rem; overflow-wrap: anywhere; }
h3 { margin: 2rem 0 .25rem; font-size: 1rem; }
p { margin: .25rem 0; }
.soft, figcaption, .note { color: var(--soft); font-size: .875rem; }
section { margin-top: 2.75rem; padding-top: 1.25rem; border-top: 1px solid var(--rule); }
.answers { margin: .35rem 0 1.25rem; font-weight: 600; }
.answers.good { color: var(--good); }
.answers.bad { color: var(--bad); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
th:first-child { padding-left: 0; text-align: left; }
td:last-child, th:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 500; font-size: .8rem; line-height: 1.3; vertical-align: bottom; }
tbody th { font-weight: 600; }
.swatch {
  display: inline-block; width: .7rem; height: .7rem; margin-right: .5rem; border-radius: 2px; background: var(--c);
}
.s0 { --c: var(--s0); } .s1 { --c: var(--s1); } .s2 { --c: var(--s2); }
.s3 { --c: var(--s3); } .s4 { --c: var(--s4); } .s5 { --c: var(--s5); }
ul { margin: 1rem 0 0; padding: 0; list-style: none; }
li { margin: .3rem 0; padding-left: 1rem; text-indent: -1rem; }
li::before { content: "–"; display: inline-block; width: 1rem; text-indent: 0; color: var(--soft); }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
.latency { min-width: 40rem; }
.track { fill: var(--grid); }
.axis line { stroke: var(--grid); }
.axis .tick { stroke: var(--soft); }
.axis text { fill: var(--soft); font-variant-numeric: tabular-nums; }
.series path { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
.series .lead { stroke-width: 1; opacity: .6; }
.series text { fill: var(--c); font-size: 12px; font-weight: 600; }
.falls { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr)); gap: 1.5rem 2rem; align-items: start; margin-top: 1rem; }
figure { margin: 0; min-width: 0; }
figcaption { margin-bottom: .5rem; }
figcaption b { display: block; color: var(--c); font-size: .95rem; }
.connection { fill: var(--c); }
.queue { fill: var(--queue); } .connect { fill: var(--connect); } .tls { fill: var(--tls); }
.setup { fill: var(--setup); } .wait { fill: var(--wait); } .body { fill: var(--body); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: .5rem 0 0; padding: 0; font-size: .875rem; }
.legend li { margin: 0; padding: 0; text-indent: 0; }
.legend li::before { content: none; }
.legend svg { display: inline-block; width: .7rem; height: .7rem; margin-right: .45rem; border-radius: 2px; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
@media print { body { padding: 0; max-width: none; } figure, table { break-inside: avoid; } }
`;
