import { fork } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { HeadCount } from "./head-count.ts";

export interface OriginUrls {
  readonly plain: string;
  readonly tls: string;
}

/** What the child tells: that its servers listen, or why they do not; then the answers to questions. */
export type OriginMessage =
  | {
      readonly kind: "ready";
      readonly urls: OriginUrls;
      readonly countedUrls: OriginUrls;
      readonly certificate: string;
    }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "heads"; readonly count: HeadCount };

/** What the child is asked. */
export interface OriginQuestion {
  readonly kind: "heads";
}

/** A local origin in a process of its own, so that its CPU time is not in the client's figures. */
export interface LocalOrigin {
  readonly urls: OriginUrls;
  /** The same answers, more slowly, because the heads are counted on the way. */
  readonly countedUrls: OriginUrls;
  /** In PEM; signs itself, so it is its own issuer. */
  readonly certificate: string;
  /** What the heads took at the counted URLs since the last call. */
  takeHeadCount(): Promise<HeadCount>;
  /** Ends the child and waits until it is gone. */
  close(): Promise<void>;
}

export interface OriginOptions {
  /** Emulated on the way to `urls`, by a proxy in the child. Default 0: there is none. */
  readonly roundTripMs?: number;
}

/**
 * Starts the origin and waits until it listens. If this process dies before `close()`, the child ends by itself, because
 * its IPC channel closes.
 *
 * @throws Error with a plain sentence if it does not come up.
 */
export async function startOrigin({ roundTripMs = 0 }: OriginOptions = {}): Promise<LocalOrigin> {
  // Run from source the neighbour is a .ts file, built it is a .js file.
  const file = fileURLToPath(new URL(`./origin-process${extname(import.meta.url)}`, import.meta.url));
  // Not the parent's flags: a debugger's port, for one, cannot be had twice. From source, the packages come from source too.
  const execArgv = extname(file) === ".ts" ? ["--conditions=holdfast:source"] : [];
  const child = fork(file, [String(roundTripMs)], { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const nextMessage = (): Promise<OriginMessage> =>
    Promise.race([
      once(child, "message").then(([first]) => first as OriginMessage),
      exited.then(([code, signal]): OriginMessage => ({
        kind: "failed",
        reason: `its process ended with ${String(code ?? signal)}`,
      })),
    ]);
  const message = await nextMessage();
  const end = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await exited;
  };
  if (message.kind !== "ready") {
    await end();
    throw new Error(`The local origin could not start: ${message.kind === "failed" ? message.reason : message.kind}.`);
  }
  const { urls, countedUrls, certificate } = message;
  return {
    urls,
    countedUrls,
    certificate,
    takeHeadCount: async () => {
      const counted = nextMessage();
      const question: OriginQuestion = { kind: "heads" };
      // If it cannot be sent, the child is gone, and that is the reply.
      child.send(question, () => undefined);
      const reply = await counted;
      if (reply.kind !== "heads") throw new Error("The local origin is gone.");
      return reply.count;
    },
    close: end,
  };
}
