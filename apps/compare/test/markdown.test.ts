import { describe, expect, it } from "vitest";
import { renderMarkdown } from "../src/markdown.ts";
import { jsonOf, refused, targetResult } from "./fixed-comparison.ts";

describe("the report as Markdown", () => {
  it("has a section for each target, with a table and a list", () => {
    expect(renderMarkdown(jsonOf(targetResult()))).toBe(`\
Node.js 26.0.0, linux x64, 2 × Some CPU, loopback  
GET: 2,000 requests over each transport, 16 at a time, in 4 rounds by turns  
after 500 requests over each to warm up

### http://127.0.0.1:8080/

| transport | req/s | p50 ms | p90 ms | p99 ms | connections opened | reused % | CPU µs/req |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| HTTP/1.1 no reuse | 5,000 | 3.00 | 4.50 | 9.13 | 2,000 | 0.0 | 160 |
| HTTP/1.1 keep-alive | 16,000 | 0.50 | 1.25 | 10.5 | 16 | 99.2 | 40 |

- HTTP/1.1 keep-alive: 3.2 times the requests per second, 75% less CPU per request, 16 connections instead of 2,000.
- Answers: all 4,000 are equal byte for byte: status 200, a body of 5 bytes.
- Fields not compared: connection, date.

CPU is that of the client process alone; checking each answer is part of it.
`);
  });

  it("makes no markup of what others wrote", () => {
    const target = { name: "url", url: "http://a.example/?a=*b*|<script>_[x](y)" } as const;
    expect(renderMarkdown(jsonOf(targetResult({ target })))).toContain(
      String.raw`### http://a.example/?a=\*b\*\|\<script\>\_\[x\](y)`,
    );
  });

  it("is the sentence of a target that could not be probed, and says that a run was interrupted", () => {
    const failed = targetResult({ probeFailure: { title: undefined, error: refused() }, results: [] });
    const json = { ...jsonOf(failed, targetResult({ results: [] })), outcome: "interrupted" } as const;
    expect(renderMarkdown(json)).toBe(
      "Could not reach http://127.0.0.1:8080: connecting failed: connection refused.\n\n" +
        "### http://127.0.0.1:8080/\n\nNothing was measured.\n\n" +
        "Interrupted: the figures cover what was measured until then.\n",
    );
  });
});
