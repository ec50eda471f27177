import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { type ListenAs, RawPeer, type RawRequest, type RawServer, rawServer } from "@holdfast/conformance/hostile";

export const opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameShape {
  readonly opcode: number;
  readonly payload?: string | Uint8Array;
  /** Default true. */
  readonly fin?: boolean;
  /** The three reserved bits, 4 for RSV1. Default 0. */
  readonly rsv?: number;
  /** How the length is written, whatever is shortest by default. */
  readonly lengthBits?: 7 | 16 | 64;
  /** What the head says, if that is not what follows. */
  readonly length?: bigint;
}

/** One frame of RFC 6455, 5.2, right or wrong. Masked as a client must, or not as a server must not. */
export function wireFrame(shape: FrameShape, masked: boolean): Buffer {
  const { fin = true, rsv = 0 } = shape;
  const payload = Buffer.from(shape.payload ?? "");
  const length = shape.length ?? BigInt(payload.byteLength);
  const bits = shape.lengthBits ?? (length < 126n ? 7 : length < 65_536n ? 16 : 64);
  const extended = Buffer.alloc(bits === 7 ? 0 : bits / 8);
  if (bits === 16) extended.writeUInt16BE(Number(length));
  else if (bits === 64) extended.writeBigUInt64BE(length);
  const short = bits === 7 ? Number(length) : bits === 16 ? 126 : 127;
  const head = Buffer.from([(fin ? 128 : 0) | (rsv << 4) | shape.opcode, (masked ? 128 : 0) | short]);
  if (!masked) return Buffer.concat([head, extended, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([head, extended, mask, Buffer.from(payload.map((byte, i) => byte ^ (mask[i & 3] as number)))]);
}

export interface WireFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly masked: boolean;
  readonly payload: Buffer;
}

/** What is read of it until it ends. */
export async function allOf<T>(messages: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const message of messages) all.push(message);
  return all;
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Uint8Array = ""): Buffer {
  const payload = Buffer.from([code >> 8, code & 255]);
  return Buffer.concat([payload, Buffer.from(reason)]);
}

/** One end of a WebSocket that writes exactly what it is told. */
export class RawSocket {
  readonly peer: RawPeer;
  readonly #masks: boolean;

  constructor(peer: RawPeer, masks: boolean) {
    this.peer = peer;
    this.#masks = masks;
  }

  send(shape: FrameShape): Promise<void> {
    return this.peer.write(wireFrame(shape, this.#masks));
  }

  text(text: string): Promise<void> {
    return this.send({ opcode: opcode.text, payload: text });
  }

  close(code: number, reason = ""): Promise<void> {
    return this.send({ opcode: opcode.close, payload: closePayload(code, reason) });
  }

  /** The next frame of the other end. */
  async frame(): Promise<WireFrame> {
    const [first = 0, second = 0] = await this.peer.take(2);
    let length = second & 127;
    if (length === 126) length = (await this.peer.take(2)).readUInt16BE();
    else if (length === 127) length = Number((await this.peer.take(8)).readBigUInt64BE());
    const masked = second > 127;
    const mask = masked ? await this.peer.take(4) : Buffer.alloc(4);
    const payload = Buffer.from((await this.peer.take(length)).map((byte, i) => byte ^ (mask[i & 3] as number)));
    return { opcode: first & 15, fin: first > 127, masked, payload };
  }

  /** The code and reason of the next close frame; other frames are passed over. */
  async closing(): Promise<{ readonly code: number; readonly reason: string }> {
    for (;;) {
      const { opcode: kind, payload } = await this.frame();
      if (kind !== opcode.close) continue;
      return { code: payload.byteLength === 0 ? 1_005 : payload.readUInt16BE(), reason: String(payload.subarray(2)) };
    }
  }
}

export function acceptKey(request: Pick<RawRequest, "headers">): string {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  return createHash("sha1").update(key).digest("base64");
}

/** The answer that takes an upgrade; `fields` are further ones, each line ended. */
export function switching(request: Pick<RawRequest, "headers">, fields = ""): string {
  const head = `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n`;
  return `${head}sec-websocket-accept: ${acceptKey(request)}\r\n${fields}\r\n`;
}

/** A server that takes every upgrade, with the first sub-protocol that is offered, and hands the socket to `script`. */
export function rawSocketServer(
  script: (socket: RawSocket, request: Omit<RawRequest, "body">) => Promise<void> | void,
  options: ListenAs = {},
): Promise<RawServer> {
  return rawServer(async (peer) => {
    const request = await peer.head();
    const [first] = (request.headers["sec-websocket-protocol"] ?? "").split(",");
    await peer.write(switching(request, first === "" ? "" : `sec-websocket-protocol: ${first}\r\n`));
    await script(new RawSocket(peer, false), request);
  }, options);
}

/** A client that has got its upgrade. */
export async function rawSocketClient(url: string, subprotocol?: string): Promise<RawSocket> {
  const { port } = new URL(url);
  const socket = connect({ host: "127.0.0.1", port: Number(port), noDelay: true });
  socket.on("error", () => {});
  await once(socket, "connect");
  const peer = new RawPeer(socket, 0, []);
  const fields = [
    "GET / HTTP/1.1",
    `host: 127.0.0.1:${port}`,
    "upgrade: websocket",
    "connection: upgrade",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${randomBytes(16).toString("base64")}`,
    ...(subprotocol === undefined ? [] : [`sec-websocket-protocol: ${subprotocol}`]),
  ];
  await peer.write(`${fields.join("\r\n")}\r\n\r\n`);
  await peer.until("\r\n\r\n");
  return new RawSocket(peer, true);
}
