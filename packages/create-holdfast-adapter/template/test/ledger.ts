import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { type LedgerProtocol, ledgerServer } from "@holdfast/conformance/ledger";
import { serveJsonl } from "./serve.ts";

/** The server of a ledger. If your protocol has words for a goodbye or a refusal, name them in `faults`, and `strike`. */
export const jsonlLedger: LedgerProtocol = (handler, options = {}) => {
  const { tls } = options;
  const accept = (socket: Socket): void => serveJsonl(socket, handler);
  return ledgerServer(
    {
      make: () =>
        tls === undefined ? createServer(accept) : createTlsServer({ ...tls, ALPNProtocols: ["jsonl"] }, accept),
      faults: [],
      strike: () => {},
    },
    options,
  );
};
