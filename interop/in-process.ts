import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import type { Http2Server } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { LogEntry, Server, ServerOptions } from "./server.ts";

/** A server of node's in this process, on a free port, that adds to `log`. Closing it destroys its connections. */
export async function startInProcess(
  { certificate }: ServerOptions,
  server: HttpServer | Http2Server,
  log: readonly LogEntry[],
): Promise<Server> {
  const sockets = new Set<Socket>();
  server.on(certificate ? "secureConnection" : "connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let closed: Promise<unknown> | undefined;
  const close = (): Promise<unknown> => {
    const ended = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    return ended;
  };

  return {
    origin: `http${certificate ? "s" : ""}://127.0.0.1:${port}`,
    log: () => Promise.resolve(log),
    close: async () => void (await (closed ??= close())),
  };
}

/** Settings that are lines of `name: value`, the values being numbers. */
export function numbersOf(settings: readonly string[] = []): Readonly<Partial<Record<string, number>>> {
  return Object.fromEntries(settings.map((line) => line.split(": ")).map(([name, value]) => [name, Number(value)]));
}
