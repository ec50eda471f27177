import { once } from "node:events";
import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** One request as it stood on the wire. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** Lower-case names, the last value of each. */
  readonly headers: Readonly<Record<string, string>>;
  /** The head as it came, without the empty line. */
  readonly head: string;
  /** Decoded from chunks where it came in some. */
  readonly body: Buffer;
  /** The connection that it came on, from 0. */
  readonly connection: number;
}

/** The server's end of one connection: reads requests, and writes exactly what it is told. */
export class Peer {
  readonly socket: Socket;
  /** From 0, in the order of accepting. */
  readonly index: number;
  /** Settles when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #requests: RawRequest[];
  #bytes: Buffer = Buffer.alloc(0);
  #over = false;
  #wake: () => void = () => {};

  constructor(socket: Socket, index: number, requests: RawRequest[]) {
    this.socket = socket;
    this.index = index;
    this.#requests = requests;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    const over = (): void => {
      this.#over = true;
      this.#wake();
    };
    socket.once("end", over).once("close", over);
  }

  /** The next request with its whole body. Rejects with {@link Gone} when there is none. */
  async request(): Promise<RawRequest> {
    const { method, path, headers, head } = await this.head();
    const body =
      headers["transfer-encoding"] === "chunked"
        ? await this.#chunked()
        : await this.take(Number(headers["content-length"] ?? 0));
    const request = { method, path, headers, head, body, connection: this.index };
    this.#requests.push(request);
    return request;
  }

  /** The next request's head alone; not counted as a request of the server. */
  async head(): Promise<Omit<RawRequest, "body">> {
    const head = await this.until("\r\n\r\n");
    const [line = "", ...fields] = head.split("\r\n");
    const [method = "", path = ""] = line.split(" ");
    const headers = Object.fromEntries(
      fields.map((field) => [
        field.slice(0, field.indexOf(":")).toLowerCase(),
        field.slice(field.indexOf(":") + 1).trim(),
      ]),
    );
    return { method, path, headers, head, connection: this.index };
  }

  /** What comes before `mark`, which is taken too. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#bytes.indexOf(mark);
      if (at >= 0) {
        const text = this.#bytes.toString("latin1", 0, at);
        this.#bytes = this.#bytes.subarray(at + mark.length);
        return text;
      }
      await this.#more();
    }
  }

  async take(length: number): Promise<Buffer> {
    while (this.#bytes.byteLength < length) await this.#more();
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  /** Resolves when these bytes were handed to the kernel. */
  write(bytes: string | Uint8Array): Promise<void> {
    return new Promise((resolve) =>
      this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, () => resolve()),
    );
  }

  /** Ends with FIN, after these last bytes. */
  fin(bytes = ""): void {
    this.socket.end(bytes, "latin1");
  }

  /** Ends with FIN and, over TLS, without saying goodbye before. */
  hangUp(): void {
    this.#raw().destroy();
  }

  /** Ends with RST. */
  reset(): void {
    this.#raw().resetAndDestroy();
  }

  /** The socket beneath TLS, or this one. */
  #raw(): Socket {
    return (this.socket as Socket & { readonly _parent?: Socket })._parent ?? this.socket;
  }

  async #chunked(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for (;;) {
      const length = Number.parseInt(await this.until("\r\n"), 16);
      if (length === 0) break;
      chunks.push(await this.take(length));
      await this.until("\r\n");
    }
    await this.until("\r\n");
    return Buffer.concat(chunks);
  }

  async #more(): Promise<void> {
    if (this.#over) throw new Gone();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** The client hung up; it ends a script quietly. */
export class Gone extends Error {}

export interface RawServer extends AsyncDisposable {
  readonly port: number;
  /** Scheme, host and port; no slash at the end. */
  readonly url: string;
  /** Whole requests in the order of their arrival, over all connections. */
  readonly requests: readonly RawRequest[];
  readonly peers: readonly Peer[];
  /** Resolves when no connection is open. */
  idle(): Promise<void>;
  /** Stops listening; connections stay. */
  stop(): void;
}

export interface RawServerOptions {
  readonly tls?: TlsOptions;
  readonly listen?: ListenOptions;
}

/**
 * A server that runs `script` on each connection. A script may return while its connection stays open; one that throws
 * anything but {@link Gone} makes disposing the server throw.
 */
export async function rawServer(
  script: (peer: Peer) => Promise<void> | void,
  { tls, listen = {} }: RawServerOptions = {},
): Promise<RawServer> {
  const requests: RawRequest[] = [];
  const peers: Peer[] = [];
  const failures: unknown[] = [];
  const onSocket = async (socket: Socket): Promise<void> => {
    const peer = new Peer(socket, peers.length, requests);
    peers.push(peer);
    try {
      await script(peer);
    } catch (error) {
      if (!(error instanceof Gone)) failures.push(error);
    }
  };
  const accept = (socket: Socket): void => void onSocket(socket);
  const server: Server = tls === undefined ? createServer(accept) : createTlsServer(tls, accept);
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
    requests,
    peers,
    idle: async () => {
      for (const socket of sockets) if (!socket.closed) await once(socket, "close");
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

/** A script that answers each request with what `answer` returns, in the order of their arrival. */
export function answering(
  answer: (request: RawRequest, peer: Peer) => string | Promise<string>,
): (peer: Peer) => Promise<void> {
  return async (peer) => {
    for (;;) await peer.write(await answer(await peer.request(), peer));
  };
}

/** A response with a length. */
export function ok(body = "ok", head = ""): string {
  return `HTTP/1.1 200 OK\r\n${head}content-length: ${body.length}\r\n\r\n${body}`;
}
