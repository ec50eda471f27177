import {
  type Channel,
  type ChannelClosed,
  type ConnectionInfo,
  type Delivery,
  type Message,
  TransportError,
  type TransportErrorCode,
} from "@holdfast/transport";
import { Goodbye } from "./goodbye.ts";
import { closeReason, type MessageSocket, openState } from "./message-socket.ts";
import { MessageQueue } from "./message-queue.ts";

/** What an error of a socket's engine means, in words that name the limit that applied and its option. */
export interface SocketFailure {
  readonly code: TransportErrorCode;
  readonly message: string;
}

export interface SocketChannelOptions {
  readonly connection: ConnectionInfo;
  /** Above this `send()` waits. */
  readonly sendBufferBytes: number;
  /** The socket masks what it sends, as a client does, and thereby copies it at once. Default false: the channel copies. */
  readonly masks?: boolean;
  /** What an error of the socket's engine means; the default is that the connection was lost. */
  readonly failureOf?: (error: Error) => SocketFailure;
}

/** Senders that do not wait get this many times as far as `sendBufferBytes`. */
const overrun = 8;
const connectionLost: SocketFailure = { code: "CONNECTION_LOST", message: "the connection was lost" };
const plain = { compress: false } as const;

/**
 * A channel over an open WebSocket, on either side. What comes in waits in a bounded queue, above which the peer is made to
 * wait; what goes out is counted until the kernel has it. Bytes that were sent are the caller's again when `send()` has returned.
 * `elapsedMs` of its errors is the time since it was opened, also where one call failed.
 *
 *     open ──► closing ──► closed
 *       └────────────────────►
 */
export class SocketChannel implements Channel {
  readonly subprotocol: string;
  readonly connection: ConnectionInfo;
  readonly closed: Promise<ChannelClosed>;
  readonly #socket: MessageSocket;
  readonly #bufferBytes: number;
  readonly #masks: boolean;
  readonly #inbound: MessageQueue;
  readonly #goodbye: Goodbye;
  readonly #openedAt: number = performance.now();
  #buffered = 0;
  #senders: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  /** Why it broke, before the socket says that it is closed. */
  #cause: TransportError | undefined;
  /** What its readers and senders were told of its end. */
  readonly #told: WeakSet<object> = new WeakSet();

  constructor(socket: MessageSocket, { connection, sendBufferBytes, masks = false, failureOf }: SocketChannelOptions) {
    this.subprotocol = socket.protocol;
    this.connection = connection;
    this.#socket = socket;
    this.#bufferBytes = sendBufferBytes;
    this.#masks = masks;
    this.#inbound = new MessageQueue(
      () => socket.pause(),
      () => socket.resume(),
    );
    this.#goodbye = new Goodbye(socket);
    socket.on("message", (data, isBinary) => {
      if (this.#isOpen) this.#inbound.push(isBinary ? (data as Buffer) : String(data));
    });
    socket.on("error", (error) => {
      const { code, message } = failureOf?.(error) ?? connectionLost;
      this.#cause ??= this.#error(code, message, "maybe-sent", error);
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        const clean = code !== 1006;
        this.#ended(clean);
        resolve({ code, reason: reason.toString(), clean });
      });
    });
    // Whoever opened it may have held it until somebody listens.
    if (socket.isPaused) socket.resume();
  }

  async send(message: Message): Promise<void> {
    const bytes = typeof message === "string" ? Buffer.byteLength(message) : message.byteLength;
    const socket = this.#socket;
    if (!this.#isOpen) {
      const error = this.#error("CLOSED", "it is closed, so nothing more can be sent", "not-sent");
      this.#told.add(error);
      throw error;
    }
    if (this.#buffered + bytes > this.#bufferBytes * overrun) {
      const text = `the peer has not taken ${this.#buffered} bytes; ${bytes} more are over ${overrun} times ${this.#bufferBytes} bytes (limits.sendBufferBytes)`;
      throw this.#error("LIMIT_EXCEEDED", text, "not-sent");
    }
    this.#buffered += bytes;
    this.#goodbye.sending();
    const owned = typeof message === "string" || this.#masks ? message : Buffer.from(message);
    socket.send(owned, plain, (error) => this.#written(bytes, error));
    if (this.#buffered < this.#bufferBytes) return;
    await new Promise<void>((resolve, reject) => this.#senders.push({ resolve, reject }));
  }

  /**
   * What was sent still arrives, unless the peer takes nothing of it for 30 s. What has come before is still read, what comes
   * after is not.
   */
  async close(code = 1_000, reason = ""): Promise<void> {
    this.#goodbye.say(code, closeReason(reason));
    this.#inbound.release();
    await this.closed;
  }

  destroy(reason?: unknown): void {
    this.#cause ??= this.#error("CLOSED", "it was destroyed", "maybe-sent", reason);
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

  get #isOpen(): boolean {
    return this.#socket.readyState === openState && !this.#goodbye.said;
  }

  #written(bytes: number, error: unknown): void {
    this.#buffered -= bytes;
    this.#goodbye.left();
    // What was not written makes no room: those that wait hear of the end.
    if (error || this.#senders.length === 0 || this.#buffered >= this.#bufferBytes) return;
    const senders = this.#senders;
    this.#senders = [];
    for (const { resolve } of senders) resolve();
  }

  #ended(clean: boolean): void {
    const lost = this.#error(connectionLost.code, connectionLost.message, "maybe-sent");
    const error = this.#cause ?? (clean ? undefined : lost);
    this.#told.add(error ?? lost);
    if (error === undefined) this.#inbound.end();
    else this.#inbound.fail(error);
    for (const { reject } of this.#senders) reject(error ?? lost);
    this.#senders = [];
  }

  #error(code: TransportErrorCode, message: string, delivery: Delivery, cause?: unknown): TransportError {
    const { protocol, origin } = this.connection;
    const elapsedMs = performance.now() - this.#openedAt;
    const text = `channel with ${origin}: ${message}`;
    return new TransportError(code, text, { delivery, phase: "channel", protocol, origin, elapsedMs, cause });
  }
}
