import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { beneath, resetSocket } from "../hostile/reset-socket.ts";
import type { LedgerFault, LedgerServer, LedgerServerOptions } from "./ledger-origin.ts";

/** What a protocol adds to a server that can be restarted. */
export interface Restartable {
  /** A new one, not listening; it speaks TLS if it was asked for. */
  make(): Server;
  readonly faults: readonly LedgerFault[];
  /** What it does at a fault of its own. */
  strike(fault: LedgerFault): void;
}

/** A server on one port of 127.0.0.1, whichever server it is. */
export async function ledgerServer(
  { make, faults, strike }: Restartable,
  { tls, port: wanted = 0 }: LedgerServerOptions = {},
): Promise<LedgerServer> {
  const sockets = new Set<Socket>();
  const listen = async (on: number): Promise<Server> => {
    const made = make();
    const hold = (socket: Socket): void => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => sockets.delete(socket));
    };
    made.on("connection", hold);
    made.on("secureConnection", (socket: Socket) => {
      sockets.delete(beneath(socket));
      hold(socket);
    });
    made.listen(on, "127.0.0.1");
    await once(made, "listening");
    return made;
  };
  let server = await listen(wanted);
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) {
      // Nobody says whether the end of one that still shakes hands is on its way.
      if (tls !== undefined && !(socket instanceof TLSSocket)) socket.destroy();
      else resetSocket(socket);
    }
    await closed;
  };
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    faults: ["restart", ...faults],
    strike: async (fault) => {
      if (fault !== "restart") return strike(fault);
      await stop();
      server = await listen(port);
    },
    close: stop,
  };
}
