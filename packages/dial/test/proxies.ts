import { connect, type Socket } from "node:net";
import { type Certificate } from "./certificates.ts";
import { tcpServer, type TestServer, tlsServer } from "./servers.ts";

export interface ConnectProxy extends TestServer {
  /** The heads of the requests. */
  readonly heads: string[];
}

/** Tunnels to 127.0.0.1 whatever the host, and sends `greeting` with its answer as if the peer had been quick. */
export async function connectProxy(
  options: { readonly tls?: Certificate; readonly answer?: string; readonly greeting?: string } = {},
): Promise<ConnectProxy> {
  const { tls, answer = "HTTP/1.1 200 Connection established\r\n\r\n", greeting = "" } = options;
  const heads: string[] = [];
  const onSocket = (socket: Socket): void => {
    socket.once("data", (chunk: Buffer) => {
      const head = String(chunk);
      heads.push(head);
      if (!answer.startsWith("HTTP/1.1 200")) return void socket.end(answer);
      const port = Number(/^CONNECT \S+:(\d+) /.exec(head)?.[1]);
      tunnel(socket, port, Buffer.from(answer + greeting));
    });
  };
  const server = tls === undefined ? await tcpServer(onSocket) : await tlsServer(tls, onSocket);
  return Object.assign(Object.create(server) as TestServer, { heads });
}

export interface SocksProxy extends TestServer {
  /** The hosts that were asked for. */
  readonly hosts: string[];
  readonly logins: string[];
}

/** A SOCKS5 proxy to 127.0.0.1 (RFC 1928): `login` is demanded if given, hosts of `refuse` are refused. */
export async function socksProxy(
  options: { readonly login?: string; readonly refuse?: readonly string[]; readonly greeting?: string } = {},
): Promise<SocksProxy> {
  const { login, refuse = [], greeting = "" } = options;
  const hosts: string[] = [];
  const logins: string[] = [];
  const server = await tcpServer((socket) => {
    const say = (...bytes: number[]): void => void socket.write(Buffer.from(bytes));
    const onRequest = (chunk: Buffer): void => {
      const { host, port } = readDestination(chunk);
      hosts.push(host);
      if (refuse.includes(host)) return void socket.end(Buffer.from([5, 4, 0, 1, 0, 0, 0, 0, 0, 0]));
      tunnel(socket, port, Buffer.concat([Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 80]), Buffer.from(greeting)]));
    };
    socket.once("data", (offer: Buffer) => {
      if (login === undefined) {
        say(5, 0);
        socket.once("data", onRequest);
        return;
      }
      if (!offer.subarray(2).includes(2)) return say(5, 0xff);
      say(5, 2);
      socket.once("data", (chunk: Buffer) => {
        const user = chunk.subarray(2, 2 + (chunk[1] ?? 0));
        const given = `${String(user)}:${String(chunk.subarray(3 + user.byteLength))}`;
        logins.push(given);
        say(1, given === login ? 0 : 1);
        socket.once("data", onRequest);
      });
    });
  });
  return Object.assign(Object.create(server) as TestServer, { hosts, logins });
}

function readDestination(request: Buffer): { readonly host: string; readonly port: number } {
  const type = request[3];
  const end = type === 1 ? 8 : type === 4 ? 20 : 5 + (request[4] ?? 0);
  const raw = request.subarray(type === 3 ? 5 : 4, end);
  const host = type === 1 ? [...raw].join(".") : type === 4 ? `v6:${raw.toString("hex")}` : String(raw);
  return { host, port: request.readUInt16BE(end) };
}

function tunnel(socket: Socket, port: number, answer: Buffer): void {
  const onward = connect({ host: "127.0.0.1", port }, () => {
    socket.write(answer);
    socket.pipe(onward).pipe(socket);
  });
  onward.on("error", () => socket.destroy());
  socket.on("close", () => onward.destroy());
}
