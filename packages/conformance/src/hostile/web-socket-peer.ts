import { createHash } from "node:crypto";
import type { Socket } from "node:net";
import type { MessageListener, MessagePipe } from "./message-pipe.ts";
import { resetSocket } from "./reset-socket.ts";
import { Gone } from "./scripted-server.ts";

/** What an upgrade asks for. */
export interface UpgradeRequest {
  readonly path: string;
  /** Lower-case names, the last value of each. */
  readonly headers: Readonly<Record<string, string>>;
  /** Those that were offered, in their order. */
  readonly subprotocols: readonly string[];
}

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * The server's end of a WebSocket, byte for byte (RFC 6455). It answers PING and a close, and says nothing else by itself.
 * Between {@link upgrade} and {@link accept} or {@link refuse} nothing is read.
 */
export class WebSocketPeer implements MessagePipe {
  readonly socket: Socket;
  /** From 0, in the order of accepting. */
  readonly index: number;
  /** Resolves when the connection is gone. */
  readonly gone: Promise<void>;
  /** With the code and reason that the client closed with: 1005 if it named none, 1006 if it said no goodbye. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  readonly #closed: PromiseWithResolvers<{ readonly code: number; readonly reason: string }> = Promise.withResolvers();
  #bytes: Buffer = Buffer.alloc(0);
  #pieces: Buffer[] = [];
  #kind: number = opcodes.binary;
  #key = "";
  #open = false;
  #saidClose = false;
  #wake: () => void = () => {};
  #listener: MessageListener | undefined;

  constructor(socket: Socket, index: number) {
    this.socket = socket;
    this.index = index;
    this.closed = this.#closed.promise;
    this.gone = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = this.#bytes.byteLength === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      this.#wake();
      if (this.#open) this.#read();
    });
    socket.once("end", () => {
      this.#wake();
      socket.end();
    });
    socket.once("close", () => {
      this.#wake();
      this.#closed.resolve({ code: 1006, reason: "" });
      this.#listener?.closed();
    });
  }

  /** The client's request. Rejects with {@link Gone} if none comes. */
  async upgrade(): Promise<UpgradeRequest> {
    let end = this.#bytes.indexOf("\r\n\r\n");
    for (; end < 0; end = this.#bytes.indexOf("\r\n\r\n")) {
      if (this.socket.destroyed || this.socket.readableEnded) throw new Gone();
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const [line = "", ...fields] = this.#bytes.toString("latin1", 0, end).split("\r\n");
    this.#bytes = this.#bytes.subarray(end + 4);
    const headers = Object.fromEntries(
      fields.map((field) => {
        const colon = field.indexOf(":");
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
      }),
    );
    this.#key = headers["sec-websocket-key"] ?? "";
    const offered = headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim());
    return { path: line.split(" ")[1] ?? "/", headers, subprotocols: offered ?? [] };
  }

  accept(subprotocol?: string): void {
    const digest = createHash("sha1")
      .update(this.#key + guid)
      .digest("base64");
    const chosen = subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${subprotocol}\r\n`;
    this.socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${digest}\r\n${chosen}\r\n`,
    );
  }

  refuse(status: number): void {
    this.socket.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  }

  start(listener: MessageListener): void {
    this.#listener = listener;
    this.#open = true;
    this.#read();
    if (this.socket.destroyed) listener.closed();
  }

  /** Resolves when the kernel has it, or nobody is left. */
  write(message: Uint8Array | string): Promise<void> {
    const payload = Buffer.from(message as string);
    return this.raw(frameOf(typeof message === "string" ? opcodes.text : opcodes.binary, payload));
  }

  send(message: Uint8Array, written: () => void): void {
    void this.write(message).then(written);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.destroyed) resolve();
      else this.socket.write(bytes, () => resolve());
    });
  }

  ping(): void {
    void this.raw(frameOf(opcodes.ping, Buffer.alloc(0)));
  }

  /** Says goodbye; the connection ends when the client has done so too. */
  close(code: number, reason: string): void {
    if (this.#saidClose) return;
    this.#saidClose = true;
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code, 0);
    payload.write(reason, 2);
    void this.raw(frameOf(opcodes.close, payload));
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Ends with FIN and without a goodbye. */
  fin(): void {
    this.socket.end();
  }

  /** Ends with RST, beneath TLS if there is some. */
  reset(): void {
    resetSocket(this.socket);
  }

  #read(): void {
    for (;;) {
      const one = clientFrame(this.#bytes);
      if (one === undefined) return;
      this.#bytes = this.#bytes.subarray(one.end);
      this.#take(one.opcode, one.isLast, one.payload);
    }
  }

  #take(opcode: number, isLast: boolean, payload: Buffer): void {
    if (opcode === opcodes.ping) return void this.raw(frameOf(opcodes.pong, payload));
    if (opcode === opcodes.pong) return;
    if (opcode === opcodes.close) {
      const named = payload.byteLength >= 2;
      this.#closed.resolve({ code: named ? payload.readUInt16BE(0) : 1005, reason: payload.toString("utf8", 2) });
      if (!this.#saidClose) void this.raw(frameOf(opcodes.close, payload));
      this.#saidClose = true;
      this.socket.end();
      return;
    }
    if (opcode !== opcodes.continuation) this.#kind = opcode;
    this.#pieces.push(payload);
    if (!isLast) return;
    const whole = this.#pieces.length === 1 ? payload : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#listener?.message(this.#kind === opcodes.text ? whole.toString() : whole);
  }
}

/** A server's frame: whole and without a mask (RFC 6455, 5.2). */
export function frameOf(opcode: number, payload: Uint8Array): Buffer {
  const { byteLength } = payload;
  let head: Buffer;
  if (byteLength < 126) {
    head = Buffer.from([0x80 | opcode, byteLength]);
  } else if (byteLength < 65_536) {
    head = Buffer.from([0x80 | opcode, 126, byteLength >> 8, byteLength & 255]);
  } else {
    head = Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    head.writeUInt32BE(byteLength, 6);
  }
  return Buffer.concat([head, payload]);
}

interface ClientFrame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly payload: Buffer;
  /** Where the next begins. */
  readonly end: number;
}

/** The first frame of a client, once it is whole. */
function clientFrame(bytes: Buffer): ClientFrame | undefined {
  if (bytes.byteLength < 6) return undefined;
  const [first, second] = [bytes.readUInt8(0), bytes.readUInt8(1)];
  const short = second & 127;
  const maskAt = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.byteLength < maskAt + 4) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  const start = maskAt + 4;
  const end = start + length;
  if (bytes.byteLength < end) return undefined;
  const payload = Buffer.from(bytes.subarray(start, end));
  for (let i = 0; i < length; i++) payload[i] = (payload[i] as number) ^ (bytes[maskAt + (i & 3)] as number);
  return { opcode: first & 15, isLast: (first & 0x80) !== 0, payload, end };
}
