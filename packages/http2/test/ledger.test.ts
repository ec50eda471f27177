import { ledgerHttp2, ledgerReport, type LedgerTransportOptions, runLedger } from "@holdfast/conformance/ledger";
import { http2 } from "../src/index.ts";
import type { Transport } from "@holdfast/transport";
import { describe, expect, it } from "vitest";

// A connection that has gone silent is given up soon, or the run would be spent waiting for it.
const timeouts = { headMs: 400, bodyGapMs: 400 };
const ping = { intervalMs: 200, timeoutMs: 200 };
const createTransport = (options: LedgerTransportOptions): Transport =>
  http2({ ...options, timeouts, ping, maxConnections: 8, maxStreams: 8 });

/** The short run. `pnpm run ledger` is the long one, which looks at the heap and the clock too. */
const short = { exchanges: 2_000, faults: 200, lateMs: 10_000, heapBytes: Infinity };

/** The shorter one, for the other ways to serve. */
const shorter = { ...short, exchanges: 300, faults: 30 };

describe("the ledger of http2", () => {
  it("agrees on 2,000 exchanges under 200 faults", { timeout: 120_000 }, async () => {
    const result = await runLedger({
      ...short,
      origin: ledgerHttp2,
      createTransport,
    });
    expect(result.disagreements, ledgerReport("http2", result)).toEqual([]);
    expect(Object.values(result.faults).reduce((sum, count) => sum + count)).toBe(200);
    expect(result.outcomes["ok"]).toBeGreaterThan(1_000);
  });

  it("agrees on 300 exchanges under 30 faults over TLS", { timeout: 120_000 }, async () => {
    const result = await runLedger({ ...shorter, tls: true, origin: ledgerHttp2, createTransport });
    expect(result.disagreements, ledgerReport("http2", result)).toEqual([]);
    expect(result.outcomes["ok"]).toBeGreaterThan(100);
  });

  it("agrees on 300 exchanges under 30 faults of which some kill the server", { timeout: 120_000 }, async () => {
    const origin = { module: "@holdfast/conformance/ledger", name: "ledgerHttp2" };
    const result = await runLedger({ ...shorter, origin, createTransport });
    expect(result.disagreements, ledgerReport("http2", result)).toEqual([]);
    expect(result.faults["kill"]).toBeGreaterThan(0);
    expect(result.outcomes["ok"]).toBeGreaterThan(50);
  });
});
