/** A server that others wrote, running as a process of our own or in this one. Its paths /0 to /99 answer 200 with themselves. */
export interface Server {
  /** Without a slash at the end. */
  readonly origin: string;
  /** Requests in the order of the server's own log, complete once it is closed. */
  log(): Promise<readonly LogEntry[]>;
  /** Ends it and removes its files. Twice is fine. */
  close(): Promise<void>;
}

/** One request as the server saw it. */
export interface LogEntry {
  /** The server's number of the connection, or the port of its client. */
  readonly connection: string;
  /** The request's `x-request-id`, or where the protocol has no fields, what is sent in its place. */
  readonly id: string;
}

export interface ServerOptions {
  readonly protocol: "http/1.1" | "h2" | "websocket";
  /** In PEM. With it the server speaks TLS and chooses by ALPN, without it plain HTTP/1.1 or h2c with prior knowledge. */
  readonly certificate?: Certificate | undefined;
  /** Lines in the server's own language; none for its defaults. */
  readonly settings?: readonly string[];
}

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** What a server answers at each path, for servers that have no other way than files. */
export const answers: readonly string[] = Array.from({ length: 100 }, (_, index) => `/${index}`);
