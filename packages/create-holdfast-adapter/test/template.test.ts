import { runConformance } from "@holdfast/conformance/vitest";
import { ledgerReport, runLedger } from "@holdfast/conformance/ledger";
import { expect, it } from "vitest";
import { jsonl } from "../template/src/index.ts";
import { jsonlFixture } from "../template/test/fixture.ts";
import { jsonlLedger } from "../template/test/ledger.ts";

runConformance({ name: "the template", fixture: () => jsonlFixture({ secure: false }) });
runConformance({ name: "the template over TLS", fixture: () => jsonlFixture({ secure: true }) });

it("the ledger of the template agrees on 300 exchanges under 30 faults", { timeout: 120_000 }, async () => {
  const result = await runLedger({
    origin: jsonlLedger,
    exchanges: 300,
    faults: 30,
    lateMs: 10_000,
    heapBytes: Infinity,
    createTransport: (options) => jsonl({ ...options, timeouts: { headMs: 400, bodyGapMs: 400 } }),
  });
  expect(result.disagreements, ledgerReport("the template", result)).toEqual([]);
});
