/**
 * The long ledger: every adapter of this workspace under continual faults, one after another. Prints the figures of each and
 * exits with 1 if client and server disagree anywhere. `--exchanges N --faults N --seed N`, and the names of adapters.
 */
import { parseArgs } from "node:util";
import {
  ledgerHttp1,
  ledgerHttp2,
  ledgerInProcess,
  ledgerMux,
  type LedgerOptions,
  ledgerReport,
  runLedger,
} from "../packages/conformance/src/ledger.ts";
import { http1 } from "../packages/http1/src/index.ts";
import { http2 } from "../packages/http2/src/index.ts";
import { memory } from "../packages/memory/src/index.ts";
import { websocket } from "../packages/websocket/src/index.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    exchanges: { type: "string", default: "100000" },
    faults: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
  },
});

// A connection that has gone silent is given up soon, or most of a run would be spent waiting for it.
const timeouts = { headMs: 400, bodyGapMs: 400, connectMs: 1_000 };
const shared = { timeouts, maxConnections: 8, maxStreams: 8, ping: { intervalMs: 200, timeoutMs: 200 } };
const inProcess = ledgerInProcess();

const adapters: Readonly<Record<string, Pick<LedgerOptions, "createTransport" | "origin" | "sockets">>> = {
  memory: {
    origin: inProcess.protocol,
    sockets: false,
    createTransport: () => memory(inProcess.handler, { timeouts }),
  },
  http1: { origin: ledgerHttp1, createTransport: () => http1({ timeouts }) },
  http2: { origin: ledgerHttp2, createTransport: () => http2(shared) },
  websocket: {
    origin: ledgerMux,
    createTransport: () => websocket({ ...shared, reconnect: { minMs: 1, maxMs: 20 } }),
  },
};

const numbers = {
  exchanges: Number(values.exchanges),
  faults: Number(values.faults),
  seed: Number(values.seed),
};
for (const [name, adapter] of Object.entries(adapters)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const result = await runLedger({ ...adapter, ...numbers });
  console.log(`${ledgerReport(name, result)}\n`);
  if (result.disagreements.length > 0) process.exitCode = 1;
}
