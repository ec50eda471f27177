import { once } from "node:events";
import {
  type AddressInfo,
  createServer,
  type ListenOptions,
  type LookupFunction,
  type Server,
  type Socket,
} from "node:net";
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from "node:tls";
import { parseTarget } from "@holdfast/transport";
import type { DialRequest } from "../src/index.ts";

/** A server of one test; its sockets end with it. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
  /** How many connections there were. */
  readonly accepted: number;
  /** Settles once no socket is open. */
  allClosed(): Promise<void>;
}

export function tcpServer(
  onSocket: (socket: Socket) => void = (socket) => void socket.resume(),
  at: ListenOptions = {},
): Promise<TestServer> {
  return listening(createServer(onSocket), at);
}

export function tlsServer(
  options: TlsOptions,
  onSocket: (socket: TLSSocket) => void = (socket) => void socket.resume(),
  at: ListenOptions = {},
): Promise<TestServer> {
  const server = createTlsServer(options, (socket) => {
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.on("tlsClientError", () => {});
  return listening(server, at);
}

async function listening(server: Server, at: ListenOptions): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  let changed = Promise.withResolvers<void>();
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      changed.resolve();
      changed = Promise.withResolvers<void>();
    });
  });
  server.listen(at.path === undefined ? { host: "127.0.0.1", port: 0, ...at } : at);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" ? (address as AddressInfo).port : 0,
    sockets,
    get accepted(): number {
      return accepted;
    },
    allClosed: async () => {
      while (sockets.size > 0) await changed.promise;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A port on which nobody listens: it was free a moment ago. */
export async function closedPort(): Promise<number> {
  const server = await tcpServer();
  await server[Symbol.asyncDispose]();
  return server.port;
}

/** Answers every name with these addresses, and remembers the names. */
export function lookupOf(...addresses: readonly string[]): LookupFunction & { readonly asked: string[] } {
  const asked: string[] = [];
  const lookup: LookupFunction = (hostname, _options, callback) => {
    asked.push(hostname);
    const answer = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    setImmediate(() => callback(null, answer));
  };
  return Object.assign(lookup, { asked });
}

/** A request for `url`, secure by its scheme. */
export function requestFor(url: string, more: Partial<DialRequest> = {}): DialRequest {
  const target = parseTarget(url);
  return {
    target,
    secure: target.scheme === "https:",
    protocol: "http/1.1",
    alpn: { offer: [], required: false },
    timeoutMs: 30_000,
    ...more,
  };
}

/** The error of a promise that must reject. */
export async function rejection(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(outcome instanceof Error)) throw new Error(`expected a rejection with an error, got ${String(outcome)}`);
  return outcome;
}
