import { ledgerHttp2, ledgerReport, runLedger } from "@holdfast/conformance/ledger";
import { http2 } from "../src/index.ts";
import { describe, expect, it } from "vitest";

// A connection that has gone silent is given up soon, or the run would be spent waiting for it.
const timeouts = { headMs: 400, bodyGapMs: 400 };
const ping = { intervalMs: 200, timeoutMs: 200 };

/** The short run. `pnpm run ledger` is the long one, which looks at the heap and the clock too. */
const short = { exchanges: 2_000, faults: 200, lateMs: 10_000, heapBytes: Infinity };

describe("the ledger of http2", () => {
  it("agrees on 2,000 exchanges under 200 faults", { timeout: 120_000 }, async () => {
    const result = await runLedger({
      ...short,
      origin: ledgerHttp2,
      createTransport: () => http2({ timeouts, ping, maxConnections: 8, maxStreams: 8 }),
    });
    expect(result.disagreements, ledgerReport("http2", result)).toEqual([]);
    expect(Object.values(result.faults).reduce((sum, count) => sum + count)).toBe(200);
    expect(result.outcomes["ok"]).toBeGreaterThan(1_000);
  });
});
