import type { Channel, ChannelClosed, ConnectionInfo, Message } from "@holdfast/transport";
import type { RawData, WebSocket } from "ws";
import { channelError, codeOfSocketError } from "./errors.ts";
import { MessageQueue } from "./message-queue.ts";
import type { ChannelLimits } from "./upgrade-options.ts";

/** Above `sendBufferBytes` `send()` waits; senders that do not wait get this many times as far. */
const overrun = 8;

interface Sender {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * A channel over a WebSocket that was accepted. What comes in waits in a bounded queue, above which the client is made to
 * wait; what goes out is counted until the kernel has it. Bytes that were sent must not be changed.
 *
 *     open ──► closing ──► closed
 *       └────────────────────►
 */
export class ServerChannel implements Channel {
  readonly subprotocol: string;
  readonly connection: ConnectionInfo;
  readonly closed: Promise<ChannelClosed>;
  readonly #socket: WebSocket;
  readonly #bufferBytes: number;
  readonly #inbound: MessageQueue;
  #buffered = 0;
  #senders: Sender[] = [];
  /** Why it broke, before ws says that it is closed. */
  #cause: Error | undefined;
  /** What its readers and senders were told of its end. */
  readonly #told: WeakSet<object> = new WeakSet();

  constructor(socket: WebSocket, connection: ConnectionInfo, limits: Required<ChannelLimits>) {
    this.subprotocol = socket.protocol;
    this.connection = connection;
    this.#socket = socket;
    this.#bufferBytes = limits.sendBufferBytes;
    this.#inbound = new MessageQueue(
      () => socket.pause(),
      () => socket.resume(),
    );
    socket.on("message", (data: RawData, isBinary: boolean) => {
      if (socket.readyState === socket.OPEN)
        this.#inbound.push(isBinary ? (data as Buffer) : (data as Buffer).toString());
    });
    socket.on("error", (error) => {
      const code = codeOfSocketError(error);
      this.#cause ??= channelError(code, "the channel broke", connection, "maybe-sent", error);
    });
    this.closed = new Promise((resolve) => {
      socket.once("close", (code, reason) => {
        const clean = code !== 1006;
        this.#ended(clean);
        resolve({ code, reason: reason.toString(), clean });
      });
    });
  }

  async send(message: Message): Promise<void> {
    const bytes = typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) {
      const error = channelError("CLOSED", "the channel is closed", this.connection, "not-sent");
      this.#told.add(error);
      throw error;
    }
    const most = this.#bufferBytes * overrun;
    if (this.#buffered + bytes > most) {
      const text = `${this.#buffered} bytes wait to be sent; ${bytes} more are over ${overrun} times limits.sendBufferBytes (${this.#bufferBytes})`;
      throw channelError("LIMIT_EXCEEDED", text, this.connection, "not-sent");
    }
    this.#buffered += bytes;
    socket.send(message, () => this.#written(bytes));
    if (this.#buffered < this.#bufferBytes) return;
    await new Promise<void>((resolve, reject) => this.#senders.push({ resolve, reject }));
  }

  /** What has come before is still read, what comes after is not. A client that does not answer is cut off after 2 s. */
  async close(code = 1_000, reason = ""): Promise<void> {
    this.#socket.close(code, reason);
    this.#inbound.release();
    await this.closed;
  }

  destroy(reason?: unknown): void {
    this.#cause ??= channelError("CLOSED", "the channel was destroyed", this.connection, "maybe-sent", reason);
    this.#socket.terminate();
  }

  /** One reader at a time. Leaving the loop leaves the channel open. */
  [Symbol.asyncIterator](): AsyncIterator<Message, undefined> {
    return {
      next: () => this.#inbound.next(),
      return: () => Promise.resolve({ done: true, value: undefined }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The error only says that this channel has ended. */
  isOver(error: unknown): boolean {
    return typeof error === "object" && error !== null && this.#told.has(error);
  }

  #written(bytes: number): void {
    this.#buffered -= bytes;
    if (this.#senders.length === 0 || this.#buffered >= this.#bufferBytes) return;
    const senders = this.#senders;
    this.#senders = [];
    for (const { resolve } of senders) resolve();
  }

  #ended(clean: boolean): void {
    const lost = channelError("CONNECTION_LOST", "the channel's connection was lost", this.connection, "maybe-sent");
    const error = this.#cause ?? (clean ? undefined : lost);
    this.#told.add(error ?? lost);
    if (error === undefined) this.#inbound.end();
    else this.#inbound.fail(error);
    for (const { reject } of this.#senders) reject(error ?? lost);
    this.#senders = [];
  }
}
