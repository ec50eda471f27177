import assert from "node:assert/strict";
import { it } from "node:test";
import { type LedgerOptions, ledgerReport, runLedger } from "@holdfast/conformance/ledger";
import { jsonl } from "../src/index.ts";
import { jsonlLedger } from "./ledger.ts";

const killed = { module: new URL("ledger.ts", import.meta.url).href, name: "jsonlLedger" };

const runs: Readonly<Record<string, Pick<LedgerOptions, "origin" | "exchanges" | "faults" | "tls">>> = {
  "agrees on 2,000 exchanges under 200 faults": { origin: jsonlLedger, exchanges: 2_000, faults: 200 },
  "agrees over TLS": { origin: jsonlLedger, exchanges: 300, faults: 30, tls: true },
  "agrees with servers that are killed": { origin: killed, exchanges: 300, faults: 30 },
};

for (const [name, run] of Object.entries(runs)) {
  void it(`the ledger of jsonl ${name}`, { timeout: 120_000 }, async () => {
    const result = await runLedger({
      ...run,
      // The machine may be slow; and the heap is looked at in runs that are longer.
      lateMs: 10_000,
      heapBytes: Infinity,
      // A connection that has gone silent is given up soon, or the run would be spent waiting for it.
      createTransport: (options) => jsonl({ ...options, timeouts: { headMs: 400, bodyGapMs: 400 } }),
    });
    assert.equal(result.disagreements.length, 0, ledgerReport("jsonl", result));
  });
}
