import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { FaultPipe, type PipeFault } from "./fault-pipe.ts";
import { seededRandom } from "./random.ts";
import { resetSocket } from "./reset-socket.ts";

/** What befalls one connection. */
export interface ConnectionFaults {
  readonly toOrigin?: PipeFault;
  readonly toClient?: PipeFault;
}

export interface FaultProxyOptions {
  /** Emulated distance: half of it is added to each way, and once the whole, for the handshake. Default 0. */
  readonly roundTripMs?: number;
  /** Up to so much is added to each way at random; bytes never overtake each other. Default 0. */
  readonly jitterMs?: number;
  /**
   * Asked for each connection, counted from 0; `random` yields numbers from 0 to below 1. A reset after 0 bytes drops the
   * connection as it comes. Default: none.
   */
  readonly faults?: (index: number, random: () => number) => ConnectionFaults | undefined;
  /** Of all that is random: with the same seed the same befalls the same connections. Default 1. */
  readonly seed?: number;
}

/** Stands between a client and an origin; speaks no protocol, so that TLS passes too. Disposing ends every connection. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** As the origin's, with the port of the proxy. */
  readonly url: string;
  /** Connections that were accepted. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
  /** The open connections, counted from 0 as they were accepted. */
  readonly openConnections: readonly number[];
  /** Befalls every open connection now, or the one that is named. `deaf` reads nothing more from the client. */
  befall(kind: "fin" | "rst" | "black-hole" | "deaf", connection?: number): void;
  /** What befalls an open connection from now on; the bytes are counted from here. */
  arm(connection: number, faults: ConnectionFaults): void;
}

/** A TCP proxy on a free port of 127.0.0.1 that passes everything to the host and port of `origin`, faults apart. */
export async function faultProxy(
  origin: string,
  { roundTripMs = 0, jitterMs = 0, faults = () => undefined, seed = 1 }: FaultProxyOptions = {},
): Promise<FaultProxy> {
  const { protocol, hostname, port } = new URL(origin);
  const links = new Map<number, Link>();
  let connections = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const acceptedAt = performance.now();
    const index = connections++;
    // One for each connection, and two for each: how many chunks another one came in shall change nothing.
    const random = seededRandom(seed * 1_000_003 + index);
    const jitter = seededRandom(seed * 1_000_003 - index);
    const remote = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    // The client's kernel has shaken hands already: what it sends pays for that, too.
    const dueAt = (): number =>
      Math.max(performance.now(), acceptedAt + roundTripMs) + roundTripMs / 2 + jitter() * jitterMs;
    const link = new Link(client, remote, dueAt, faults(index, random) ?? {});
    links.set(index, link);
    void link.closed.then(() => links.delete(index));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const own = (server.address() as AddressInfo).port;
  return {
    port: own,
    url: `${protocol}//127.0.0.1:${own}`,
    get connections() {
      return connections;
    },
    get open() {
      return links.size;
    },
    get openConnections() {
      return [...links.keys()];
    },
    befall: (kind, connection) => {
      if (connection !== undefined) links.get(connection)?.befall(kind);
      else for (const link of links.values()) link.befall(kind);
    },
    arm: (connection, armed) => links.get(connection)?.arm(armed),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, "close");
      server.close();
      for (const link of links.values()) link.destroy();
      await closed;
    },
  };
}

/** A client's connection and the one to the origin. */
class Link {
  /** Resolves when both are gone. */
  readonly closed: Promise<void>;
  readonly #sockets: readonly [Socket, Socket];
  readonly #pipes: readonly [outward: FaultPipe, homeward: FaultPipe];

  constructor(client: Socket, origin: Socket, dueAt: () => number, { toOrigin, toClient }: ConnectionFaults) {
    this.#sockets = [client, origin];
    const befall = this.befall.bind(this);
    for (const [socket, other] of [
      [client, origin],
      [origin, client],
    ] as const)
      socket.on("error", () => resetSocket(other));
    this.closed = Promise.all(
      this.#sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))),
    ).then(() => this.#stop());
    this.#pipes = [
      new FaultPipe(client, origin, { dueAt, befall, fault: toOrigin }),
      new FaultPipe(origin, client, { dueAt, befall, fault: toClient }),
    ];
    for (const pipe of this.#pipes) pipe.begin();
  }

  arm({ toOrigin, toClient }: ConnectionFaults): void {
    const [outward, homeward] = this.#pipes;
    if (toOrigin !== undefined) outward.arm(toOrigin);
    if (toClient !== undefined) homeward.arm(toClient);
  }

  befall(kind: "fin" | "rst" | "black-hole" | "deaf"): void {
    if (kind === "deaf") return this.#pipes[0].stop();
    this.#stop();
    if (kind === "rst") for (const socket of this.#sockets) resetSocket(socket);
    // Whatever still comes is read and thrown away, so that the end of it is seen.
    if (kind === "fin") for (const socket of this.#sockets) socket.resume().end();
  }

  destroy(): void {
    this.#stop();
    for (const socket of this.#sockets) socket.destroy();
  }

  #stop(): void {
    for (const pipe of this.#pipes) pipe.stop();
  }
}
