import type { OriginHandler } from "../origin/origin.ts";

/**
 * What befalls a run.
 *
 * | fault | what happens |
 * | --- | --- |
 * | `kill` | the server's process is killed (SIGKILL), and another one listens on its port |
 * | `restart` | the server ends every connection, stops listening, and listens again on its port |
 * | `reset`, `end` | a connection ends by RST, by FIN |
 * | `cut` | a connection ends within the next bytes, one way or the other |
 * | `black-hole` | a connection passes nothing more, and says nothing |
 * | `deaf` | a server reads nothing more of a connection |
 * | `trickle` | a connection passes little by little |
 * | `goodbye` | the server takes no more on its connections, and says so (GOAWAY, `Connection: close`) |
 * | `idle-close` | the server ends connections that look idle to it, perhaps as a request comes |
 * | `refuse` | the server says of the next exchange that it was never looked at |
 * | `break` | the server breaks off an exchange that it executes |
 */
export type LedgerFault =
  | "kill"
  | "restart"
  | "reset"
  | "end"
  | "cut"
  | "black-hole"
  | "deaf"
  | "trickle"
  | "goodbye"
  | "idle-close"
  | "refuse"
  | "break";

/** A server of a ledger, of one protocol. */
export interface LedgerServer {
  /** Scheme, host and port; the same after a restart. */
  readonly url: string;
  /** Those that its protocol has words for, of `restart`, `goodbye`, `idle-close` and `refuse`. */
  readonly faults: readonly LedgerFault[];
  /** Resolves when it has happened, or is bound to. */
  strike(fault: LedgerFault): Promise<void>;
  close(): Promise<void>;
}

export interface LedgerServerOptions {
  /** A certificate for 127.0.0.1 and its key, both PEM: then it speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Default 0: a free one. One that takes the place of another has the other's. */
  readonly port?: number;
}

/** Starts a server that answers by `handler`. */
export type LedgerProtocol = (handler: OriginHandler, options?: LedgerServerOptions) => Promise<LedgerServer>;

/** Where a process of its own finds the protocol that it serves: such a server is killed as well. */
export interface LedgerModule {
  /** The URL of a file, or the name of a package as the kit resolves it. */
  readonly module: string;
  /** Of the {@link LedgerProtocol} that it exports. */
  readonly name: string;
}
