/**
 * The program of a server that is killed: `module name file`. It answers as the {@link LedgerProtocol} of that name does, and
 * writes to the file what it executes. It ends with its parent.
 */
import { ledgerApplication } from "./application.ts";
import { executionWriter } from "./execution-file.ts";
import type { LedgerProtocol, LedgerServer } from "./ledger-origin.ts";
import type { ProcessOrder, ProcessReport } from "./process-messages.ts";

const [module = "", name = "", file = ""] = process.argv.slice(2);
const exported = (await import(module)) as Readonly<Record<string, unknown>>;
const protocol = exported[name];
if (typeof protocol !== "function") throw new TypeError(`${module} exports no function ${JSON.stringify(name)}`);
const application = ledgerApplication(executionWriter(file));
let server: LedgerServer | undefined;

async function obey(order: ProcessOrder): Promise<void> {
  if (order.kind === "break") application.breakNext(order.within);
  else if (order.kind === "strike") {
    await server?.strike(order.fault);
    tell({ kind: "struck" });
  } else {
    server = await (protocol as LedgerProtocol)(application.handler, order.options);
    tell({ kind: "serving", url: server.url, faults: server.faults });
  }
}

function tell(report: ProcessReport): void {
  process.send?.(report);
}

process.on("disconnect", () => process.exit());
process.on("message", (order: ProcessOrder) => void obey(order));
tell({ kind: "loaded" });
