import { until } from "../turn.ts";
import { ledgerApplication } from "./application.ts";
import { Journal } from "./journal.ts";
import type { LedgerFault, LedgerModule, LedgerProtocol, LedgerServerOptions } from "./ledger-origin.ts";
import { servedByProcesses } from "./server-processes.ts";

/** The server's side of a run, in this process or in others. */
export interface ServerSide {
  readonly url: string;
  readonly faults: readonly LedgerFault[];
  strike(fault: LedgerFault): Promise<void>;
  /** The next execution breaks off, before its head or within its body. */
  breakNext(within: boolean): void;
  /** How often an exchange was executed. */
  executions(id: number): number;
  /** Resolves when nothing is executed any more. */
  close(): Promise<void>;
}

/** Starts the server of a run of so many exchanges. */
export function serverSide(
  origin: LedgerProtocol | LedgerModule,
  exchanges: number,
  options: Pick<LedgerServerOptions, "tls">,
): Promise<ServerSide> {
  return typeof origin === "function"
    ? servedHere(origin, exchanges, options)
    : servedByProcesses(origin, exchanges, options);
}

async function servedHere(
  protocol: LedgerProtocol,
  exchanges: number,
  options: LedgerServerOptions,
): Promise<ServerSide> {
  const journal = new Journal(exchanges);
  const { handler, breakNext } = ledgerApplication(journal);
  const server = await protocol(handler, options);
  return {
    url: server.url,
    faults: server.faults,
    strike: (fault) => server.strike(fault),
    breakNext,
    executions: (id) => journal.executions(id),
    close: async () => {
      await server.close();
      // Nothing can arrive any more; what has is brought to its end.
      await until("every execution has ended", () => journal.open === 0);
    },
  };
}
