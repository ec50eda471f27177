import { TransportError } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { type HeadCount, noHeads } from "../src/head-count.ts";
import { renderReport } from "../src/report.ts";
import { fresh, jsonOf, kept, multiplexed, refused, targetResult, transportResult } from "./fixed-comparison.ts";

describe("the report of a run without failures", () => {
  it("says where and what, shows a table, and what follows from it", () => {
    expect(renderReport(jsonOf(targetResult()))).toBe(`\
Node.js 26.0.0, linux x64, 2 × Some CPU, loopback
GET: 2,000 requests over each transport, 16 at a time, in 4 rounds by turns
after 500 requests over each to warm up

http://127.0.0.1:8080/
                              p50   p90   p99  connections  reused     CPU
transport             req/s    ms    ms    ms       opened       %  µs/req
HTTP/1.1 no reuse     5,000  3.00  4.50  9.13        2,000     0.0     160
HTTP/1.1 keep-alive  16,000  0.50  1.25  10.5           16    99.2      40

HTTP/1.1 keep-alive: 3.2 times the requests per second, 75% less CPU per request, 16 connections instead of 2,000.
Answers: all 4,000 are equal byte for byte: status 200, a body of 5 bytes.
Fields not compared: connection, date.

CPU is that of the client process alone; checking each answer is part of it.
`);
  });

  it("has columns for handshakes, streams and heads where there were any, names the best, and fits into 100 columns", () => {
    const heads = (bytes: number): HeadCount => ({
      ...noHeads,
      exchanges: 100,
      sentBytes: bytes,
      sentTextBytes: 22_000,
    });
    const results = [
      transportResult(
        { ...fresh, heads: heads(28_000) },
        { ...fresh.measurement, handshakes: { full: 16, resumed: 1_984 } },
      ),
      transportResult({ ...kept, heads: heads(28_000) }, { handshakes: { full: 16, resumed: 0 } }),
      transportResult(
        { ...multiplexed, heads: heads(1_428) },
        { ...multiplexed.measurement, handshakes: { full: 1, resumed: 0 } },
      ),
    ];
    const target = { name: "tls", url: "https://127.0.0.1:8443/" } as const;
    const lines = renderReport(jsonOf(targetResult({ target, results, tlsVersion: "TLSv1.3" }))).split("\n");
    expect(lines.slice(4, 15)).toEqual([
      "https://127.0.0.1:8443/ (TLS 1.3)",
      "                              p50   p90   p99  connections  TLS full  streams  reused  heads     CPU",
      "transport             req/s    ms    ms    ms       opened  /resumed  at once       %  B/req  µs/req",
      "HTTP/1.1 no reuse     5,000  3.00  4.50  9.13        2,000  16/1,984        -     0.0    280     160",
      "HTTP/1.1 keep-alive  16,000  0.50  1.25  10.5           16      16/0        -    99.2    280      40",
      "HTTP/2               20,000  0.50  1.25  10.5            1       1/0       16    99.9   14.3      50",
      "",
      "HTTP/1.1 keep-alive: 3.2 times the requests per second, 75% less CPU per request, 16 connections instead of 2,000.",
      "HTTP/2: 4.0 times the requests per second, 69% less CPU per request, 1 connection instead of 2,000.",
      "HTTP/2: 14.3 bytes of head per request; as HTTP/1.1 text the same fields take 220, so HPACK saves 94%.",
      "Best: HTTP/2 in requests per second and in connections, HTTP/1.1 keep-alive in CPU.",
    ]);
    expect(Math.max(...lines.slice(5, 10).map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it("has no figure of heads for a transport whose heads could not be counted", () => {
    const heads = { ...noHeads, exchanges: 1, sentBytes: 280, sentTextBytes: 280 };
    const text = renderReport(jsonOf(targetResult({ results: [{ ...fresh, heads }, kept] })));
    expect(text).toMatch(/^HTTP\/1\.1 keep-alive .* - +40$/m);
  });

  it("marks headings only by the paint it is given", () => {
    const painted = renderReport(jsonOf(targetResult()), (style, text) => `<${style}>${text}</${style}>`);
    expect(painted).toContain("<bold>http://127.0.0.1:8080/</bold>\n<dim>");
  });
});

describe("the report of answers", () => {
  it("names the transport and the part that differ", () => {
    const differences = [
      { transport: "http1", part: "body", answers: 3, detail: "a body of 2 bytes instead of 5" },
      { transport: "http1", part: "status", answers: 0, detail: "status 404 instead of 200" },
    ] as const;
    const equality = { verdict: "different", differences, varying: [], ignoredFields: [] } as const;
    const text = renderReport(jsonOf(targetResult({ equality })));
    expect(text).toContain(
      "Answers differ: HTTP/1.1 keep-alive has a body of 2 bytes instead of 5 (3 answers unlike its first).\n" +
        "Answers differ: HTTP/1.1 keep-alive has status 404 instead of 200 (unlike HTTP/1.1 no reuse).\n",
    );
    expect(text).not.toContain("are equal");
  });

  it("says that bodies vary by themselves", () => {
    const equality = { verdict: "varies", differences: [], varying: ["body"], ignoredFields: ["date"] } as const;
    expect(renderReport(jsonOf(targetResult({ equality })))).toContain(
      "Answers: the bodies vary by themselves; all 4,000 agree in status 200 and length class.\n",
    );
  });

  it("names fields that vary by themselves", () => {
    const varying = ["field etag", "field x-request-id"] as const;
    const equality = { verdict: "equal", differences: [], varying, ignoredFields: [] } as const;
    expect(renderReport(jsonOf(targetResult({ equality })))).toContain(
      "Not compared, because they vary by themselves: etag, x-request-id.\n",
    );
  });
});

describe("the report of failures", () => {
  it("is one sentence if nothing could be measured", () => {
    const nothing = { results: [], equality: undefined, firstAnswer: undefined };
    const target = targetResult({ ...nothing, probeFailure: { title: undefined, error: refused() } });
    const sentence = "Could not reach http://127.0.0.1:8080: connecting failed: connection refused.\n";
    expect(renderReport(jsonOf(target))).toBe(sentence);
    const other = targetResult({ ...nothing, probeFailure: { title: kept.title, error: refused() } });
    expect(renderReport(jsonOf(other))).toBe(`Over HTTP/1.1 keep-alive: ${sentence}`);
  });

  it("counts them by code and tells the first", () => {
    const failing = {
      answered: 1_990,
      failed: 10,
      failures: { CONNECT_FAILED: 8, TRUNCATED: 2 },
      firstFailure: refused(),
    };
    const results = [fresh, transportResult(kept, failing)];
    expect(renderReport(jsonOf(targetResult({ results })))).toContain(
      "Failed: 10 of 2,000 over HTTP/1.1 keep-alive: CONNECT_FAILED 8, TRUNCATED 2.\n" +
        "  Could not reach http://127.0.0.1:8080: connecting failed: connection refused.\n",
    );
  });

  it("says that the rest was not sent", () => {
    const failing = { answered: 100, failed: 5, failures: { CONNECT_FAILED: 5 }, firstFailure: refused() };
    const results = [fresh, transportResult(kept, failing)];
    const text = renderReport(jsonOf(targetResult({ results, stoppedBy: kept.title })));
    expect(text).toContain("Failed: 5 of 105 sent over HTTP/1.1 keep-alive: CONNECT_FAILED 5.\n");
    expect(text).toContain("Stopped early, because request after request failed over HTTP/1.1 keep-alive.\n");
  });

  it("draws no conclusion from a transport that was never answered", () => {
    const none = {
      answered: 0,
      failed: 33,
      latencyMs: undefined,
      cpuMicrosPerRequest: undefined,
      connections: 0,
      requestsPerSecond: 0,
      reusedShare: 0,
    };
    const results = [
      fresh,
      transportResult(kept, { ...none, failures: { HEAD_TIMEOUT: 33 }, firstFailure: refused() }),
    ];
    const text = renderReport(jsonOf(targetResult({ results })));
    expect(text).toContain("HTTP/1.1 keep-alive      0     -     -     -            0     0.0       -\n");
    expect(text).not.toContain("times the requests");
  });
});

describe("the report of a transport that was left out", () => {
  it("is one line", () => {
    const facts = { delivery: "not-sent", phase: "secure", protocol: "h2", origin: "http://127.0.0.1:8080" } as const;
    const error = new TransportError("NEGOTIATION_FAILED", "what it sent are no frames", facts);
    const leftOut = [
      { name: "h2c", title: "HTTP/2 (h2c)", error },
      { name: "websocket", title: "WebSocket", subprotocol: "mux.v1", error },
      { name: "h2", title: "HTTP/2", error: refused() },
    ];
    expect(renderReport(jsonOf(targetResult({ leftOut })))).toContain(
      "\nHTTP/2 (h2c) is left out: http://127.0.0.1:8080 does not speak it.\n" +
        "WebSocket is left out: http://127.0.0.1:8080 does not speak mux.v1 over it.\n" +
        "HTTP/2 is left out: no such connection to http://127.0.0.1:8080 could be made (CONNECT_FAILED).\n",
    );
  });
});

describe("the report of connections", () => {
  it("tells of those that carried no answer", () => {
    const results = [fresh, { ...kept, openedByStats: 18 }];
    expect(renderReport(jsonOf(targetResult({ results })))).toContain(
      "HTTP/1.1 keep-alive opened 2 more connections that carried no answer.\n",
    );
  });

  it("tells of a transport that counts wrongly", () => {
    const results = [{ ...fresh, openedByStats: 1_999 }, kept];
    expect(renderReport(jsonOf(targetResult({ results })))).toContain(
      "HTTP/1.1 no reuse counts 1 connection less than carried answers; its count is wrong.\n",
    );
  });
});

describe("the report of an interrupted run", () => {
  it("shows what there is and says so", () => {
    const text = renderReport({ ...jsonOf(targetResult()), outcome: "interrupted" });
    expect(text).toContain("HTTP/1.1 keep-alive  16,000");
    expect(text).toMatch(/\nInterrupted: the figures cover what was measured until then\.\n$/);
  });

  it.each([
    ["before the first transport", []],
    ["in the warm-up", [transportResult(fresh, { answered: 0 }), transportResult(kept, { answered: 0 })]],
  ])("says so if there is nothing: %s", (_, results) => {
    const target = targetResult({ results, equality: undefined });
    expect(renderReport({ ...jsonOf(target), outcome: "interrupted" })).toBe(
      "http://127.0.0.1:8080/\nNothing was measured.\n\nInterrupted: the figures cover what was measured until then.\n",
    );
  });
});
