import { countBy, type Outcome } from "./outcome.ts";

const label = "holdfast conformance";
const characterPx = 7;
const paddingPx = 12;

/** An SVG for a README: how many of the cases that ran were passed. */
export function renderBadge({ results }: Outcome): string {
  const { passed, replaced, failed } = countBy(results);
  const kept = passed + replaced;
  const text = `${kept}/${kept + failed}`;
  const left = label.length * characterPx + paddingPx;
  const right = text.length * characterPx + paddingPx;
  const color = failed === 0 && kept > 0 ? "#2e7d32" : "#c62828";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${label}: ${text}">
  <title>${label}: ${text}</title>
  <rect width="${left}" height="20" fill="#424242"/>
  <rect x="${left}" width="${right}" height="20" fill="${color}"/>
  <g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
    <text x="${left / 2}" y="14">${label}</text>
    <text x="${left + right / 2}" y="14">${text}</text>
  </g>
</svg>
`;
}
