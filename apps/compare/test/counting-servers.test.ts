import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, createConnection, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { websocket } from "@holdfast/websocket";
import { generate } from "selfsigned";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CountingServers, countingServers } from "../src/counting-servers.ts";
import { responseTextBytes } from "../src/head-count.ts";

const { cert, private: key } = await generate([{ name: "commonName", value: "127.0.0.1" }], {
  keyType: "ec",
  algorithm: "sha256",
  extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
});

let servers: CountingServers;
const sockets = new Set<Socket>();

beforeEach(() => {
  servers = countingServers({ key, cert });
});
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  servers.plain.close();
  servers.tls.close();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A connection to one of the two servers, above TLS if it is that. */
async function connect(kind: "plain" | "tls", alpn: string = "http/1.1"): Promise<Socket> {
  const port = await listen(servers[kind]);
  const socket =
    kind === "plain"
      ? createConnection(port, "127.0.0.1")
      : connectTls({ port, host: "127.0.0.1", ca: cert, ALPNProtocols: [alpn] });
  sockets.add(socket);
  await once(socket, kind === "plain" ? "connect" : "secureConnect");
  return socket;
}

/** Reads until `done` says that what came is complete. */
async function readUntil(socket: Socket, done: (bytes: Buffer) => boolean): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (!done(bytes)) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  return bytes;
}

/** The frames of a server, as far as they are complete. */
function framesOf(bytes: Buffer): readonly { type: number; flags: number; payload: Buffer }[] {
  const frames = [];
  for (let at = 0; at + 9 <= bytes.byteLength;) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.byteLength) break;
    frames.push({ type: bytes[at + 3] ?? 0, flags: bytes[at + 4] ?? 0, payload: bytes.subarray(at + 9, end) });
    at = end;
  }
  return frames;
}

describe.each(["plain", "tls"] as const)("heads over HTTP/1.1, %s", (kind) => {
  it("are counted to the byte in both directions, without the bodies", async () => {
    const socket = await connect(kind);
    const head = "POST /x HTTP/1.1\r\nHost:a\r\nX-Spaces:   1\r\nContent-Length: 5\r\n\r\n";
    socket.write(`${head}hello`);
    const bytes = await readUntil(socket, (so) => so.includes("}}"));
    const receivedBytes = bytes.indexOf("\r\n\r\n") + 4;
    expect(servers.take()).toEqual({
      exchanges: 1,
      sentBytes: head.length,
      sentTextBytes: head.length,
      receivedBytes,
      receivedTextBytes: receivedBytes,
    });
    expect(servers.take()).toMatchObject({ exchanges: 0, sentBytes: 0, receivedBytes: 0 });
  });

  it("are whole responses where a response has no body", async () => {
    const socket = await connect(kind);
    const head = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    socket.write(head);
    const bytes = await readUntil(socket, (so) => so.includes("\r\n\r\n"));
    expect(servers.take()).toMatchObject({ exchanges: 1, sentBytes: head.length, receivedBytes: bytes.byteLength });
  });
});

describe.each(["plain", "tls"] as const)("heads over HTTP/2, %s", (kind) => {
  it("are the field blocks of both directions, to the byte", async () => {
    const socket = await connect(kind, "h2");
    // GET, http, / and :authority "a" by the static table, then x-one: 1; nothing is Huffman-coded.
    const block = Buffer.from("828684410161" + "4005" + Buffer.from("x-one").toString("hex") + "0131", "hex");
    const headers = Buffer.alloc(9);
    headers.writeUIntBE(block.byteLength, 0, 3);
    headers.set([0x1, 0x4 | 0x1, 0, 0, 0, 1], 3);
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings, headers, block]));
    const ended = (bytes: Buffer): boolean =>
      framesOf(bytes).some(({ type, flags }) => type === 0 && (flags & 1) === 1);
    const frames = framesOf(await readUntil(socket, ended));
    const blocks = frames.filter(({ type }) => type === 1).map(({ payload }) => payload.byteLength);
    expect(blocks).toHaveLength(1);
    expect(servers.take()).toMatchObject({
      exchanges: 1,
      sentBytes: block.byteLength,
      sentTextBytes: "GET / HTTP/1.1\r\nhost: a\r\nx-one: 1\r\n\r\n".length,
      receivedBytes: blocks[0],
    });
  });

  it("cost one byte for each field once the tables hold it", async () => {
    const url = `http${kind === "tls" ? "s" : ""}://127.0.0.1:${await listen(servers[kind])}`;
    const session = connectHttp2(url, { ca: cert });
    const exchange = async (): Promise<Record<string, unknown>> => {
      const stream = session.request({ ":path": "/", "x-one": "1" }).resume();
      const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
      await once(stream, "close");
      return headers;
    };
    try {
      await exchange();
      const first = servers.take();
      const received = await exchange();
      const second = servers.take();
      // :method, :path, :scheme, :authority and x-one, each an index.
      expect(second).toMatchObject({ exchanges: 1, sentBytes: 5, sentTextBytes: first.sentTextBytes });
      expect(first.sentBytes).toBeGreaterThan(second.sentBytes);
      expect(second.receivedTextBytes).toBe(responseTextBytes(received));
      expect(second.receivedTextBytes).toBeGreaterThan(second.receivedBytes);
    } finally {
      session.destroy();
    }
  });
});

describe.each(["plain", "tls"] as const)("heads over WebSocket, %s", (kind) => {
  it("are the blocks of HEADERS, without the upgrade and the 8 bytes of each frame", async () => {
    const url = `ws${kind === "tls" ? "s" : ""}://127.0.0.1:${await listen(servers[kind])}`;
    const transport = websocket({ tls: { ca: cert } });
    /** Of a block of fields: two lengths of 16 bits, a name and a value for each. */
    const blockBytes = (fields: readonly (readonly [string, string])[]): number =>
      fields.reduce((total, [name, value]) => total + 4 + name.length + value.length, 0);
    try {
      for (let times = 0; times < 2; times++) {
        const request = {
          url: `${url}/x`,
          method: "POST",
          headers: { "x-one": "1" },
          body: "hello",
          deadlineMs: Infinity,
        };
        const { headers, body } = await transport.request(request);
        await body.bytes();
        const { host } = new URL(url);
        const sent = [
          [":method", "POST"],
          [":path", "/x"],
          [":authority", host],
          ["content-length", "5"],
          ["x-one", "1"],
        ] as const;
        const received = [[":status", "200"], ...(Object.entries(headers) as [string, string][])] as const;
        expect(servers.take()).toEqual({
          exchanges: 1,
          sentBytes: blockBytes(sent),
          sentTextBytes: `POST /x HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 5\r\nx-one: 1\r\n\r\n`.length,
          receivedBytes: blockBytes(received),
          receivedTextBytes: responseTextBytes(Object.fromEntries(received)),
        });
      }
    } finally {
      await transport.destroy();
    }
  });
});
