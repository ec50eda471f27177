export type { LedgerOptions, LedgerResult, LedgerTransportOptions } from "./ledger/run-ledger.ts";
export { runLedger } from "./ledger/run-ledger.ts";
export type { Disagreement, LedgerRule } from "./ledger/disagreement.ts";
export { ledgerReport } from "./ledger/ledger-report.ts";
export type {
  LedgerFault,
  LedgerModule,
  LedgerProtocol,
  LedgerServer,
  LedgerServerOptions,
} from "./ledger/ledger-origin.ts";
export type { Restartable } from "./ledger/ledger-server.ts";
export { ledgerServer } from "./ledger/ledger-server.ts";
export { ledgerHttp1, ledgerHttp2, ledgerInProcess, ledgerMux } from "./ledger/protocols.ts";
