import type { ConnectionOwner, DialTimes, DriverConnection, Exchange } from "@holdfast/pool";
import { type ExchangeConnection, MuxExchange } from "./exchange.ts";
import { muxCode } from "./frames.ts";
import { Liveness } from "./liveness.ts";
import { Mux, type MuxOwner } from "./mux.ts";
import type { OpenedPipe } from "./open-pipe.ts";
import type { ParsedMuxOptions } from "./options.ts";

const opaque: Uint8Array = new TextEncoder().encode("holdfast");

/** How a connection came to be, for who waits for it. */
export interface Settling {
  settled(): void;
  /** It ended first; `violation`: because of what the peer sent. */
  failed(error: Error | undefined, violation: boolean): void;
}

/**
 * The asking end of one connection. Owned by the pool, which places exchanges; this gives each a stream.
 *
 *     opening ──► open ──► draining ──► closed
 *        └──────────┴──────────────────►
 */
export class MuxConnection implements DriverConnection, MuxOwner, ExchangeConnection {
  times: DialTimes;
  readonly facts: DriverConnection["facts"];
  readonly #opened: OpenedPipe;
  readonly #mux: Mux;
  readonly #owner: ConnectionOwner;
  readonly #maxStreams: number;
  readonly #liveness: Liveness;
  #hasAnswered = false;
  #settling: Settling | undefined;
  /** What the pool is to hear once it knows of the connection. */
  #untold: (() => void)[] | undefined = [];

  constructor(opened: OpenedPipe, owner: ConnectionOwner, { settings, ping }: ParsedMuxOptions, settling: Settling) {
    this.#opened = opened;
    this.#owner = owner;
    this.#maxStreams = settings.maxStreams;
    this.times = opened.times ?? {};
    this.facts = opened.facts ?? {};
    this.#settling = settling;
    const mux = new Mux(opened.pipe, 1, { ...settings, maxStreams: 0 }, this);
    this.#mux = mux;
    this.#liveness = new Liveness(
      {
        get heardAt() {
          return mux.heardAt;
        },
        owes: true,
        ping: () => mux.ping(opaque),
        silent: (error) => mux.giveUp(error),
      },
      ping,
    );
  }

  start(): void {
    this.#mux.start();
  }

  get capacity(): number {
    return Math.min(this.#maxStreams, this.#mux.output.peer.maxStreams);
  }

  // ---- told by the pool

  run(exchange: Exchange): void {
    const attempt = new MuxExchange(exchange, this);
    exchange.attach(attempt);
    const stream = this.#mux.open(attempt);
    if (stream === undefined) {
      // Told first: what is put back would be given to it again.
      this.#owner.drains("no stream can be opened");
      attempt.unopened();
      return this.#owner.freed();
    }
    this.#liveness.streamOpened();
    if (!attempt.start(this.#mux, stream)) this.left();
    if (!this.#mux.hasIds) this.#owner.drains("no stream id is left");
  }

  close(): void {
    this.#mux.close(1000, "");
  }

  destroy(reason: unknown): void {
    this.#listen();
    this.#mux.giveUp(reason instanceof Error ? reason : new Error("the connection was destroyed"));
  }

  hold(alive: boolean): void {
    this.#opened.pipe.hold?.(alive);
    this.#listen();
  }

  // ---- told by the connection

  settled(): void {
    const settling = this.#settling;
    if (settling === undefined) return this.#owner.capacityIs(this.capacity);
    this.#settling = undefined;
    this.times = { ...this.times, readyAt: performance.now() };
    settling.settled();
  }

  opened(): number {
    return muxCode.refused;
  }

  goingAway(code: number, reason: string): void {
    this.#tell(() => this.#owner.drains(`GOAWAY ${code}${reason === "" ? "" : `: ${reason}`}`));
  }

  answered(): void {
    if (this.#hasAnswered) return;
    this.#hasAnswered = true;
    this.#opened.use?.answered();
  }

  left(): void {
    this.#liveness.streamClosed();
    this.#owner.freed();
  }

  /** The peer opens none. */
  wasted(): void {}

  broken(error: Error | undefined, violation: boolean): void {
    this.#liveness.stop();
    if (this.#mux.openStreams > 0) this.#opened.use?.interrupted();
    const settling = this.#settling;
    this.#settling = undefined;
    if (settling !== undefined) settling.failed(error, violation);
    else this.#tell(() => this.#owner.drains("the connection has ended"));
  }

  ended(error: Error | undefined): void {
    this.#tell(() => this.#owner.closed(error));
  }

  /** The pool has taken it. It is not done with that yet. */
  #listen(): void {
    const untold = this.#untold;
    if (untold === undefined) return;
    this.#untold = undefined;
    queueMicrotask(() => untold.forEach((tell) => tell()));
  }

  #tell(tell: () => void): void {
    if (this.#untold === undefined) tell();
    else this.#untold.push(tell);
  }
}
