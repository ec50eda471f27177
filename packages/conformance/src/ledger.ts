export type { LedgerOptions, LedgerResult } from "./ledger/run-ledger.ts";
export { runLedger } from "./ledger/run-ledger.ts";
export type { Disagreement, LedgerRule } from "./ledger/disagreement.ts";
export { ledgerReport } from "./ledger/ledger-report.ts";
export type { LedgerFault, LedgerProtocol, LedgerServer } from "./ledger/ledger-origin.ts";
export { ledgerHttp1, ledgerHttp2, ledgerInProcess, ledgerMux } from "./ledger/protocols.ts";
