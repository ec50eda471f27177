import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What an origin tells its parent when it listens. */
export interface BenchOrigin {
  readonly url: string;
  /** In PEM, if it speaks TLS; it signs itself. */
  readonly certificate?: string;
}

/** A process that serves until its parent lets go of it. */
export interface Served<T> {
  /** What it said of itself when it listened. */
  readonly address: T;
  stop(): void;
}

/**
 * Starts a module as a process of its own, and waits until it sends where it listens.
 *
 * @throws Error if it ends before that.
 */
export async function serve<T>(module: URL, args: readonly string[] = []): Promise<Served<T>> {
  const child = fork(module, args, { execArgv: process.execArgv });
  const [address] = (await Promise.race([once(child, "message"), ended(child, module)])) as [T];
  return { address, stop: () => child.disconnect() };
}

/**
 * Measures one client in a process of its own, so that nobody pays for another's heap.
 *
 * @param run module that measures; its arguments are `clients`, `client` and then those of `load`.
 * @returns the one line of JSON that it prints.
 * @throws Error if it fails.
 */
export async function measure<T>(run: URL, clients: URL, client: string, load: readonly string[]): Promise<T> {
  const args = [...process.execArgv, fileURLToPath(run), clients.href, client, ...load];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`the measurement of ${client} failed`);
  return JSON.parse(output) as T;
}

async function ended(child: ChildProcess, module: URL): Promise<never> {
  const [code] = (await once(child, "exit")) as [number | null];
  throw new Error(`${module.pathname} ended with ${code} before it listened`);
}
