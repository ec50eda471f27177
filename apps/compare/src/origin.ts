import { fork } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** What the child tells when its servers listen, or why they do not. */
export type OriginMessage =
  | { readonly kind: "ready"; readonly plainUrl: string; readonly tlsUrl: string; readonly certificate: string }
  | { readonly kind: "failed"; readonly reason: string };

/** A local origin in a process of its own, so that its CPU time is not in the client's figures. */
export interface LocalOrigin {
  readonly plainUrl: string;
  readonly tlsUrl: string;
  /** In PEM; signs itself, so it is its own issuer. */
  readonly certificate: string;
  /** Ends the child and waits until it is gone. */
  close(): Promise<void>;
}

/**
 * Starts the origin and waits until it listens. If this process dies before `close()`, the child ends by itself, because
 * its IPC channel closes.
 *
 * @throws Error with a plain sentence if it does not come up.
 */
export async function startOrigin(): Promise<LocalOrigin> {
  // Run from source the neighbour is a .ts file, built it is a .js file.
  const file = fileURLToPath(new URL(`./origin-process${extname(import.meta.url)}`, import.meta.url));
  // Not the parent's flags: a debugger's port, for one, cannot be had twice.
  const child = fork(file, { execArgv: [], stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const message = await Promise.race([
    once(child, "message").then(([first]) => first as OriginMessage),
    exited.then(([code, signal]): OriginMessage => ({
      kind: "failed",
      reason: `its process ended with ${String(code ?? signal)}`,
    })),
  ]);
  const end = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await exited;
  };
  if (message.kind === "failed") {
    await end();
    throw new Error(`The local origin could not start: ${message.reason}.`);
  }
  const { plainUrl, tlsUrl, certificate } = message;
  return { plainUrl, tlsUrl, certificate, close: end };
}
