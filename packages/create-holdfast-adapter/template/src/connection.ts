import type { Socket } from "node:net";
import { type DialledSocket, factsOf, momentsOf } from "@holdfast/dial";
import type { ConnectionOwner, DialTimes, DriverConnection, Exchange } from "@holdfast/pool";
import { lineTooLong } from "./errors.ts";
import { JsonlExchange } from "./exchange.ts";
import { type ClientLine, encode } from "./line.ts";
import { LineReader } from "./line-reader.ts";

/**
 * One socket, and the exchange that is on it. The pool owns it and gives it the next exchange when it has heard `freed`.
 *
 *     idle ◄──► busy
 *       └────────┴──► closed
 */
export class JsonlConnection implements DriverConnection {
  readonly capacity = 1;
  readonly times: DialTimes;
  readonly facts: DriverConnection["facts"];
  readonly owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #lineBytes: number;
  readonly #reader: LineReader;
  #exchange: JsonlExchange | undefined;
  /** Why it ended, if that was not our doing. */
  #error: Error | undefined;

  constructor(dialled: DialledSocket, owner: ConnectionOwner, lineBytes: number) {
    const { socket } = dialled;
    this.times = momentsOf(dialled);
    this.facts = factsOf(dialled);
    this.owner = owner;
    this.#socket = socket;
    this.#lineBytes = lineBytes;
    this.#reader = new LineReader(lineBytes);
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("end", () => {
      this.#error ??= new Error("the peer closed the connection");
    });
    socket.on("error", (error) => {
      this.#error ??= error;
    });
    socket.on("close", () => {
      this.#exchange?.lost(this.#error);
      owner.closed(this.#error);
    });
  }

  // ---- told by the pool

  run(exchange: Exchange): void {
    this.#exchange = new JsonlExchange(exchange, this);
    exchange.attach(this.#exchange);
    // What is written at once leaves at once, as one packet.
    this.#socket.cork();
    this.#exchange.start();
    this.#socket.uncork();
  }

  close(): void {
    this.#socket.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  hold(alive: boolean): void {
    if (alive) this.#socket.ref();
    else this.#socket.unref();
  }

  // ---- asked by the exchange

  /** The peer has not hung up, as far as we know. */
  get writable(): boolean {
    return this.#socket.writable;
  }

  /** Resolves when the line has left, or never will. */
  write(line: ClientLine): Promise<void> {
    return new Promise((resolve) => this.#socket.write(encode(line), () => resolve()));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  // ---- told by the socket

  #read(bytes: Buffer): void {
    const exchange = this.#exchange;
    // Whoever speaks when nobody has asked would answer the next request with the wrong response.
    if (exchange === undefined) return this.destroy();
    for (const line of this.#reader.read(bytes)) {
      if (exchange.complete) return this.destroy();
      exchange.receive(line);
    }
    if (this.#reader.tooLong) {
      exchange.fail(lineTooLong(this.#lineBytes));
      this.destroy();
    } else if (exchange.complete) this.#release();
  }

  /** Only now, with all that was read seen: being told of `freed`, the pool may at once run the next exchange. */
  #release(): void {
    this.#exchange = undefined;
    if (this.#reader.within) this.destroy();
    else this.owner.freed();
  }
}
