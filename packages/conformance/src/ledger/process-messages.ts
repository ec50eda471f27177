import type { LedgerFault, LedgerServerOptions } from "./ledger-origin.ts";

/** What the process of a server is told. It answers to `serve` and `strike`. */
export type ProcessOrder =
  | { readonly kind: "serve"; readonly options: LedgerServerOptions }
  | { readonly kind: "strike"; readonly fault: LedgerFault }
  | { readonly kind: "break"; readonly within: boolean };

/** What it tells: `loaded` once, without having been asked. */
export type ProcessReport =
  | { readonly kind: "loaded" }
  | { readonly kind: "serving"; readonly url: string; readonly faults: readonly LedgerFault[] }
  | { readonly kind: "struck" };
