import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { application, Control, type Origin } from "@holdfast/conformance";
import type { HostileTls } from "@holdfast/conformance/hostile";
import { serveJsonl } from "./serve.ts";

/** The kit's application over JSON lines, and TLS if there is `tls`, on a free port of 127.0.0.1. */
export async function jsonlOrigin({ tls }: HostileTls): Promise<Origin> {
  const control = new Control();
  const handler = application(control);
  const sockets = new Set<Socket>();
  const onConnection = (socket: Socket): void => {
    const noteClose = control.noteConnection();
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      noteClose();
    });
    serveJsonl(socket, handler);
  };
  const server =
    tls === undefined
      ? createServer(onConnection)
      : createTlsServer({ ...tls, ALPNProtocols: ["jsonl"] }, onConnection);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    control,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
