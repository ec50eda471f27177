import { ledgerInProcess, ledgerReport, runLedger } from "@holdfast/conformance/ledger";
import { memory } from "@holdfast/memory";
import { describe, expect, it } from "vitest";

const { protocol, handler } = ledgerInProcess();

/** The short run. `pnpm run ledger` is the long one, which looks at the heap and the clock too. */
const short = { exchanges: 2_000, faults: 200, lateMs: 10_000, heapBytes: Infinity };

describe("the ledger of memory", () => {
  it("agrees on 2,000 exchanges under 200 faults", { timeout: 120_000 }, async () => {
    const result = await runLedger({
      ...short,
      origin: protocol,
      sockets: false,
      createTransport: () => memory(handler),
    });
    expect(result.disagreements, ledgerReport("memory", result)).toEqual([]);
    expect(Object.values(result.faults).reduce((sum, count) => sum + count)).toBe(200);
    expect(result.outcomes["ok"]).toBeGreaterThan(1_000);
  });
});
