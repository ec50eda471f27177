import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { ConnectionInfo, TlsInfo } from "@holdfast/transport";

let made = 0;

/** What carries a channel, as the other end of it tells in its own `connection`. */
export function connectionInfo(socket: Socket, host: string): ConnectionInfo {
  const { localPort, remoteAddress, remotePort } = socket;
  const tls = socket instanceof TLSSocket ? tlsInfo(socket) : undefined;
  return Object.freeze({
    id: `websocket-server-${++made}`,
    protocol: "websocket",
    origin: `${tls === undefined ? "ws" : "wss"}://${host}`,
    reused: false,
    exchangeIndex: 0,
    ...(localPort === undefined ? {} : { localPort }),
    ...(remoteAddress === undefined ? {} : { remoteAddress }),
    ...(remotePort === undefined ? {} : { remotePort }),
    ...(tls === undefined ? {} : { tls }),
  });
}

function tlsInfo(socket: TLSSocket): TlsInfo {
  return {
    version: socket.getProtocol() ?? "",
    cipher: socket.getCipher().name,
    alpn: socket.alpnProtocol || "",
    resumed: socket.isSessionReused(),
  };
}
