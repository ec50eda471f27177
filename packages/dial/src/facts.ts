import type { DialledSocket } from "./dial.ts";

/** When a dial got where, on the clock of `performance.now()`. */
export type DialMoments = Pick<DialledSocket, "resolvedAt" | "connectedAt" | "securedAt">;

/** What a connection tells of itself in each response. */
export type SocketFacts = Pick<DialledSocket, "localPort" | "remoteAddress" | "remotePort" | "tls">;

export function momentsOf({ resolvedAt, connectedAt, securedAt }: DialledSocket): DialMoments {
  return {
    ...(resolvedAt === undefined ? {} : { resolvedAt }),
    ...(connectedAt === undefined ? {} : { connectedAt }),
    ...(securedAt === undefined ? {} : { securedAt }),
  };
}

export function factsOf({ localPort, remoteAddress, remotePort, tls }: DialledSocket): SocketFacts {
  return {
    ...(localPort === undefined ? {} : { localPort }),
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
    ...(remotePort === undefined ? {} : { remotePort }),
    ...(tls === undefined ? {} : { tls }),
  };
}
