import { describe, expect, it } from "vitest";
import { renderHtml } from "../src/html.ts";
import { fresh, jsonOf, kept, multiplexed, refused, targetResult } from "./fixed-comparison.ts";

const json = jsonOf(targetResult(), targetResult({ results: [fresh, kept, multiplexed] }));

describe("the report as a page", () => {
  const page = renderHtml(json);

  it("shows the answers, the figures, the latency and the connections of each target", () => {
    expect(page.match(/<h2 /g)).toHaveLength(2);
    expect(page.match(/✓ Answers: all [46],000 are equal byte for byte/g)).toHaveLength(2);
    expect(page.match(/<tbody>/g)).toHaveLength(2);
    expect(page.match(/<title id="t\d-latency-title">/g)).toHaveLength(2);
    expect(page.match(/<figure class="waterfall /g)).toHaveLength(2 + 3);
    expect(page).toContain('<span class="swatch s1"></span>HTTP/1.1 keep-alive</th><td>16,000</td>');
  });

  it("refers to nothing outside, runs nothing, and lets a browser forbid both", () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|\bhref=|@import|url\(/i);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  });

  it("is light or dark as its reader likes it", () => {
    expect(page).toContain("color-scheme: light dark");
    expect(page).toContain("@media (prefers-color-scheme: dark)");
  });

  it("has a name for every picture, and no id twice", () => {
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const named = [...page.matchAll(/aria-labelledby="([^"]+)"/g)].flatMap(([, names = ""]) => names.split(" "));
    expect(named.filter((id) => !ids.includes(id))).toEqual([]);
    expect(page.match(/<svg /g)?.length).toBe((page.match(/<svg [^>]*(?:role="img"|aria-hidden)/g) ?? []).length);
  });

  it("makes no markup of what others wrote", () => {
    const target = { name: "url", url: "http://a.example/?<script>alert(1)</script>" } as const;
    const title = `<b onclick="x">`;
    const hostile = renderHtml(
      jsonOf(
        targetResult({
          target,
          results: [
            { ...fresh, title },
            { ...kept, title },
          ],
        }),
      ),
    );
    expect(hostile).not.toContain("<script");
    expect(hostile).not.toContain("<b onclick");
    expect(hostile).toContain("&#60;b onclick=&#34;x&#34;&#62;");
  });
});

describe("the page of a run that did not go well", () => {
  it("says that answers differ", () => {
    const differences = [{ transport: "http1", part: "body", answers: 0, detail: "a body of 2 bytes" }] as const;
    const equality = { verdict: "different", differences, varying: [], ignoredFields: [] } as const;
    expect(renderHtml(jsonOf(targetResult({ equality })))).toContain(
      '<p class="answers bad">✗ Answers differ: HTTP/1.1 keep-alive has a body of 2 bytes (unlike HTTP/1.1 no reuse).</p>',
    );
  });

  it("has the sentence of a probe that failed, or says that nothing was measured", () => {
    const failed = targetResult({ probeFailure: { title: undefined, error: refused() }, results: [] });
    const page = renderHtml({ ...jsonOf(failed, targetResult({ results: [] })), outcome: "interrupted" });
    expect(page).toContain("Could not reach http://127.0.0.1:8080: connecting failed: connection refused.");
    expect(page).toContain("<p>Nothing was measured.</p>");
    expect(page).toContain("Interrupted: the figures cover what was measured until then.");
  });

  it("leaves out the pictures that have nothing to show", () => {
    const empty = { latencyCurve: [], firstExchanges: [] };
    const results = [{ ...kept, measurement: { ...kept.measurement, ...empty } }];
    const page = renderHtml(jsonOf(targetResult({ results })));
    expect(page).not.toContain("<svg");
    expect(page).not.toContain("<h3>");
  });
});
