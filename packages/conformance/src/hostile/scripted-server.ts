import { once } from "node:events";
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** What is done with each connection. */
export type Script<P> = (peer: P) => Promise<void> | void;

/** Thrown by whatever waits for the client when it has gone; it ends a script quietly. */
export class Gone extends Error {
  constructor() {
    super("the client has gone");
  }
}

/** For `catch`: who waits for a client that has gone waits no more. */
export function ignoreGone(error: unknown): void {
  if (!(error instanceof Gone)) throw error;
}

export interface ListenAs {
  /** With it the server speaks TLS. */
  readonly tls?: TlsOptions;
  /** Default: a free port of 127.0.0.1. */
  readonly listen?: ListenOptions;
}

export interface ScriptedServer<P> extends AsyncDisposable {
  readonly port: number;
  /** Scheme, host and port; no slash at the end. */
  readonly url: string;
  /** The connections, in the order of accepting. */
  readonly peers: readonly P[];
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  /** Stops listening; connections stay. */
  stop(): void;
}

/**
 * Runs `script` for each connection. What a script throws, except {@link Gone}, fails the disposal, so that no test passes
 * over it. Disposing ends every connection.
 */
export async function scriptedServer<P>(
  makePeer: (socket: Socket, index: number) => P,
  script: Script<P>,
  { tls, listen = {} }: ListenAs,
): Promise<ScriptedServer<P>> {
  const peers: P[] = [];
  const failures: unknown[] = [];
  const run = async (socket: Socket): Promise<void> => {
    socket.on("error", () => {});
    const peer = makePeer(socket, peers.length);
    peers.push(peer);
    try {
      await script(peer);
    } catch (error) {
      if (!(error instanceof Gone)) failures.push(error);
    }
  };
  const accept = (socket: Socket): void => void run(socket);
  const server: Server =
    tls === undefined ? createServer({ noDelay: true }, accept) : createTlsServer({ noDelay: true, ...tls }, accept);
  const sockets = new Set<Socket>();
  server.on("tlsClientError", () => {});
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(listen.path === undefined ? { host: "127.0.0.1", port: 0, ...listen } : listen);
  await once(server, "listening");
  const address = server.address() as AddressInfo | string;
  const port = typeof address === "string" ? 80 : address.port;
  return {
    port,
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    peers,
    idle: async () => {
      // Not by `once` of node:events, which rejects when a socket that is reset says so first.
      for (const socket of sockets)
        if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
    },
    stop: () => void server.close(),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      if (server.listening) {
        server.close();
        await once(server, "close");
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
