import { createServer, type Server, type Socket } from "node:net";

/** What becomes of a connection, by the protocol that its first bytes speak. */
export interface ByProtocol {
  http1(socket: Socket): void;
  http2(socket: Socket): void;
}

/** One port for HTTP/1.1 and h2c: no method of HTTP/1.1 begins as the preface of HTTP/2 does (RFC 9113, 3.4). */
export function createPlainServer(serve: ByProtocol): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => {
    const choose = (): void => {
      const start = socket.read(3) as Buffer | null;
      if (start === null) return;
      socket.off("readable", choose).off("error", ignore);
      socket.unshift(start);
      if (start.toString("latin1") === "PRI") serve.http2(socket);
      else serve.http1(socket);
    };
    socket.on("readable", choose).on("error", ignore);
  });
}

function ignore(): void {}
