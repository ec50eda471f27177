/**
 * The long ledger: every adapter of this workspace under continual faults, one after another. Prints the figures of each and
 * exits with 1 if client and server disagree anywhere. `--exchanges N --faults N --seed N`, and the names of adapters. With `--tls`
 * the servers speak TLS; with `--kill` each is a process of its own that is killed over and over. Memory has no server.
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
  // pnpm hands the "--" over that is written before arguments.
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  allowPositionals: true,
  options: {
    exchanges: { type: "string", default: "100000" },
    faults: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    tls: { type: "boolean", default: false },
    kill: { type: "boolean", default: false },
  },
});

// A connection that has gone silent is given up soon, or most of a run would be spent waiting for it.
const timeouts = { headMs: 400, bodyGapMs: 400, connectMs: 1_000 };
const shared = { timeouts, maxConnections: 8, maxStreams: 8, ping: { intervalMs: 200, timeoutMs: 200 } };
const inProcess = ledgerInProcess();

const kit = "@holdfast/conformance/ledger";
const adapters: Readonly<Record<string, Pick<LedgerOptions, "createTransport" | "origin" | "sockets">>> = {
  memory: {
    origin: inProcess.protocol,
    sockets: false,
    createTransport: () => memory(inProcess.handler, { timeouts }),
  },
  http1: {
    origin: values.kill ? { module: kit, name: "ledgerHttp1" } : ledgerHttp1,
    createTransport: (options) => http1({ ...options, timeouts }),
  },
  http2: {
    origin: values.kill ? { module: kit, name: "ledgerHttp2" } : ledgerHttp2,
    createTransport: (options) => http2({ ...options, ...shared }),
  },
  websocket: {
    origin: values.kill ? { module: kit, name: "ledgerMux" } : ledgerMux,
    createTransport: (options) => websocket({ ...options, ...shared, reconnect: { minMs: 1, maxMs: 20 } }),
  },
};

const unknown = positionals.filter((name) => adapters[name] === undefined);
if (unknown.length > 0) throw new Error(`no adapter is called ${unknown.join(" or ")}`);
const how = [values.tls && "TLS", values.kill && "killed servers"].filter((one) => one !== false);
const numbers = {
  exchanges: Number(values.exchanges),
  faults: Number(values.faults),
  seed: Number(values.seed),
};
for (const [name, adapter] of Object.entries(adapters)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  if (how.length > 0 && adapter.sockets === false) continue;
  const result = await runLedger({ ...adapter, ...numbers, tls: values.tls });
  console.log(`${ledgerReport([name, ...how].join(", "), result)}\n`);
  if (result.disagreements.length > 0) process.exitCode = 1;
}
