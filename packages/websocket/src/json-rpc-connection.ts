import { type DialledSocket, factsOf, momentsOf } from "@holdfast/dial";
import { type PipeUse, watchSocket } from "@holdfast/exchange";
import type { ConnectionOwner, DialTimes, DriverConnection, Exchange } from "@holdfast/pool";
import type { WebSocket } from "ws";
import { badMessage, callLost, callUnsent } from "./errors.ts";
import { type CallHost, JsonRpcCall } from "./json-rpc-call.ts";
import { BadMessage, readMessage, writeNoSuchMethod } from "./json-rpc-message.ts";
import type { ParsedWebSocketOptions } from "./options.ts";
import type { UsedSocket } from "./patient-dial.ts";

/** What a server says without being asked. */
export interface JsonRpcNotification {
  readonly origin: string;
  readonly method: string;
  readonly params: unknown;
}

const maxForgotten = 1_000;
const plain = { compress: false } as const;
const protocolError = 1_002;

/** One socket that carries calls, many at a time. Owned by the pool, which places exchanges. */
export class JsonRpcConnection implements DriverConnection, CallHost {
  readonly times: DialTimes;
  readonly facts: DriverConnection["facts"];
  readonly capacity: number;
  readonly maxBodyBytes: number;
  readonly #socket: WebSocket;
  readonly #wire: DialledSocket["socket"];
  readonly #messageBytes: number;
  readonly #use: PipeUse;
  readonly #owner: ConnectionOwner;
  readonly #notify: (method: string, params: unknown) => void;
  readonly #calls: Map<number, JsonRpcCall> = new Map();
  /** Until they are over, those among them that were not sent. */
  readonly #all: Set<JsonRpcCall> = new Set();
  /** Ready to be sent, when there is room. */
  readonly #ready: Set<JsonRpcCall> = new Set();
  /** Given up, and not answered: an answer that is late is nobody's fault. Above so many the oldest are forgiven unseen. */
  readonly #forgotten: Set<number> = new Set();
  #forgiven = 0;
  #lastId = 0;
  #bufferedBytes = 0;
  #hasAnswered = false;
  #failure: Error | undefined;

  constructor(
    { socket, dialled, use }: UsedSocket,
    owner: ConnectionOwner,
    { sendBufferBytes, messageBytes, mux, ping }: ParsedWebSocketOptions,
    notify: (method: string, params: unknown) => void,
  ) {
    this.times = { ...momentsOf(dialled), readyAt: performance.now() };
    this.facts = factsOf(dialled);
    this.capacity = mux.maxStreams ?? 100;
    this.maxBodyBytes = sendBufferBytes;
    this.#socket = socket;
    this.#wire = dialled.socket;
    this.#messageBytes = messageBytes;
    this.#use = use;
    this.#owner = owner;
    this.#notify = notify;
    socket.on("message", (data, isBinary) => this.#read(isBinary ? undefined : (data as Buffer).toString()));
    socket.on("error", (error) => (this.#failure ??= error));
    socket.on("close", (code) => this.#closed(code));
    watchSocket(socket, dialled.socket, ping);
    socket.resume();
  }

  // ---- told by the pool

  run(exchange: Exchange): void {
    const call = new JsonRpcCall(exchange, this);
    exchange.attach(call);
    this.#all.add(call);
    if (this.#isOpen) call.start();
    else this.#turnAway(call);
  }

  close(): void {
    this.#socket.close(1_000);
  }

  destroy(reason: unknown): void {
    if (reason instanceof Error) this.#failure ??= reason;
    this.#socket.terminate();
  }

  hold(alive: boolean): void {
    if (alive) this.#wire.ref();
    else this.#wire.unref();
  }

  // ---- told by calls

  ready(call: JsonRpcCall): void {
    if (!this.#isOpen) return this.#turnAway(call);
    this.#ready.add(call);
    this.#flush();
  }

  left(call: JsonRpcCall): void {
    this.#ready.delete(call);
    if (call.id > 0 && this.#calls.delete(call.id)) this.#forget(call.id);
    if (this.#all.delete(call)) this.#owner.freed();
  }

  // ---- inside

  /** False also from when the peer has said goodbye, which is some time before its end. */
  get #isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Nothing of it was sent, and nothing more is. Told first that it drains: what is put back would be given to it again. */
  #turnAway(call: JsonRpcCall): void {
    this.#owner.drains("the peer has said goodbye");
    call.fail(callUnsent());
  }

  #flush(): void {
    for (const call of this.#ready) {
      if (!this.#isOpen) {
        this.#turnAway(call);
        continue;
      }
      if (this.#bufferedBytes >= this.maxBodyBytes) return;
      this.#ready.delete(call);
      const id = ++this.#lastId;
      this.#calls.set(id, call);
      this.#send(call.send(id), () => call.written());
    }
  }

  #send(text: string, written: () => void): void {
    const bytes = Buffer.byteLength(text);
    this.#bufferedBytes += bytes;
    this.#socket.send(text, plain, (error) => {
      this.#bufferedBytes -= bytes;
      if (error) return;
      written();
      this.#flush();
    });
  }

  #read(text: string | undefined): void {
    if (!this.#isOpen) return;
    try {
      if (text === undefined) throw new BadMessage("it is binary");
      const message = readMessage(text);
      if (message.kind === "notification") this.#notify(message.method, message.params);
      else if (message.kind === "request") this.#decline(message.id);
      else this.#answer(message.id, message.status, message.body);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#broken(error);
    }
  }

  #answer(id: number, status: number, body: string): void {
    if (!this.#hasAnswered) this.#use.answered();
    this.#hasAnswered = true;
    const call = this.#calls.get(id);
    if (call !== undefined) {
      this.#calls.delete(id);
      call.answered(status, body);
    } else if (!this.#forgotten.delete(id) && !(id > 0 && id <= this.#forgiven)) {
      throw new BadMessage("it answers nothing that was asked");
    }
  }

  /** A server that asks, and reads no answers, is cut off. */
  #decline(id: string): void {
    if (this.#bufferedBytes < 8 * this.maxBodyBytes) this.#send(writeNoSuchMethod(id), () => {});
    else this.destroy(new Error("the peer asks and does not read"));
  }

  #broken(error: BadMessage): void {
    this.#failure ??= error;
    this.#socket.close(protocolError, error.message);
    // Told first: who hears that it drains may dial.
    if (this.#all.size > 0) this.#use.interrupted();
    this.#owner.drains("what the peer sent is no JSON-RPC");
    for (const call of [...this.#all]) call.fail(badMessage(error));
  }

  #closed(code: number): void {
    const error = this.#failure ?? (code === 1_000 || code === 1_005 ? undefined : new Error(`closed with ${code}`));
    const cause = error ?? new Error("the peer said goodbye");
    if (this.#all.size > 0) {
      this.#use.interrupted();
      this.#owner.drains("the connection has ended");
    }
    for (const call of [...this.#all]) call.fail(callLost(cause, this.#messageBytes));
    this.#owner.closed(error);
  }

  #forget(id: number): void {
    this.#forgotten.add(id);
    if (this.#forgotten.size <= maxForgotten) return;
    const [oldest] = this.#forgotten as Set<number> & Iterable<number>;
    this.#forgotten.delete(oldest as number);
    this.#forgiven = Math.max(this.#forgiven, oldest as number);
  }
}
