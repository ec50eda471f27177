import { once } from "node:events";
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { FramePeer, type FramePeerOptions, type FrameRequest, Gone } from "./frame-peer.ts";

export interface FrameServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly peers: readonly FramePeer[];
  /** Of all connections, in the order of arrival. */
  readonly requests: readonly FrameRequest[];
  /** Resolves when no connection is left. */
  idle(): Promise<void>;
}

export interface FrameServerOptions extends FramePeerOptions {
  readonly tls?: TlsOptions;
  readonly listen?: ListenOptions;
}

/** Runs `script` for each connection. What a script throws fails the disposal, so that no test passes over it. */
export async function frameServer(
  script: (peer: FramePeer) => Promise<void> | void,
  { tls, listen = {}, ...options }: FrameServerOptions = {},
): Promise<FrameServer> {
  const peers: FramePeer[] = [];
  const requests: FrameRequest[] = [];
  const failures: unknown[] = [];
  const accept = async (socket: Socket): Promise<void> => {
    socket.on("error", () => {});
    const peer = new FramePeer(socket, peers.length, options, (request) => requests.push(request));
    peers.push(peer);
    try {
      await script(peer);
    } catch (error) {
      if (!(error instanceof Gone)) failures.push(error);
    }
  };
  const onSocket = (socket: Socket): void => void accept(socket);
  const server: Server =
    tls === undefined
      ? createServer({ noDelay: true }, onSocket)
      : createTlsServer({ noDelay: true, ALPNProtocols: ["h2"], ...tls }, onSocket);
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
    requests,
    idle: async () => {
      for (const socket of sockets) if (!socket.closed) await once(socket, "close");
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** A script that answers each request as `answer` does, all at the same time. */
export function answering(
  answer: (request: FrameRequest, peer: FramePeer) => Promise<void> | void = ({ stream }, peer) => peer.respond(stream),
): (peer: FramePeer) => Promise<void> {
  return async (peer) => {
    for (;;) void answer(await peer.request(), peer);
  };
}
