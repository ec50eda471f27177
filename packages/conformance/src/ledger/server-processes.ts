import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { ExecutionReader } from "./execution-file.ts";
import type { LedgerFault, LedgerModule, LedgerServerOptions } from "./ledger-origin.ts";
import type { ProcessOrder, ProcessReport } from "./process-messages.ts";
import type { ServerSide } from "./server-side.ts";

/**
 * A server in a process of its own. To be killed means SIGKILL: nothing is finished, said or written. The next process has been
 * loaded before, so that the port is deaf for moments only. What was executed is in a file that outlives them all.
 */
export async function servedByProcesses(
  { module, name }: LedgerModule,
  exchanges: number,
  { tls }: Pick<LedgerServerOptions, "tls">,
): Promise<ServerSide> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-ledger-"));
  const file = join(directory, "executions");
  const executed = new ExecutionReader(file, exchanges);
  const start = (): ServerProcess => new ServerProcess([module, name, file]);
  const secure = tls === undefined ? {} : { tls };
  let current = start();
  let next = start();
  const end = async (): Promise<void> => {
    await Promise.all([current.kill(), next.kill()]);
    executed.close();
    await rm(directory, { recursive: true });
  };
  try {
    const { url, faults } = await current.serve(secure);
    const port = Number(new URL(url).port);
    return {
      url,
      faults: ["kill", ...faults],
      strike: async (fault) => {
        if (fault !== "kill") return current.strike(fault);
        await current.kill();
        current = next;
        next = start();
        await current.serve({ ...secure, port });
      },
      breakNext: (within) => current.breakNext(within),
      executions: (id) => executed.executions(id),
      close: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}

/** One process. Its owner kills it. */
class ServerProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown[]>;
  readonly #loaded: Promise<ProcessReport>;

  constructor(args: readonly string[]) {
    // Run from source the neighbour is a .ts file, built it is a .js file.
    this.#child = fork(new URL(`./server-process${extname(import.meta.url)}`, import.meta.url), [...args], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#exited = once(this.#child, "exit");
    this.#loaded = this.#report();
    this.#loaded.catch(() => {});
  }

  async serve(options: LedgerServerOptions): Promise<Extract<ProcessReport, { kind: "serving" }>> {
    await this.#loaded;
    const report = await this.#ask({ kind: "serve", options });
    if (report.kind !== "serving") throw new Error(`the process of a server said ${report.kind} instead of serving`);
    return report;
  }

  async strike(fault: LedgerFault): Promise<void> {
    await this.#ask({ kind: "strike", fault });
  }

  breakNext(within: boolean): void {
    this.#tell({ kind: "break", within });
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  #ask(order: ProcessOrder): Promise<ProcessReport> {
    const report = this.#report();
    this.#tell(order);
    return report;
  }

  /** If it cannot be told, it is gone, which {@link #report} finds. */
  #tell(order: ProcessOrder): void {
    this.#child.send(order, () => {});
  }

  /** The next that it says. Rejects if it ends instead. */
  async #report(): Promise<ProcessReport> {
    const ended = this.#exited.then(([code, signal]): never => {
      throw new Error(`the process of a server ended with ${String(code ?? signal)}`);
    });
    const [report] = (await Promise.race([once(this.#child, "message"), ended])) as [ProcessReport];
    return report;
  }
}
