import type { ConnectionOwner, DialTimes, DriverConnection, Exchange } from "@holdfast/pool";
import { MuxExchange } from "./exchange.ts";
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
export class MuxConnection implements DriverConnection, MuxOwner {
  times: DialTimes;
  readonly facts: DriverConnection["facts"];
  readonly #opened: OpenedPipe;
  readonly #mux: Mux;
  readonly #owner: ConnectionOwner;
  readonly #maxStreams: number;
  readonly #liveness: Liveness;
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
    const mux = new Mux(opened.pipe, "client", { ...settings, maxStreams: 0 }, this);
    this.#mux = mux;
    this.#liveness = new Liveness(
      {
        get heardAt() {
          return mux.heardAt;
        },
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
    const muxExchange = new MuxExchange(exchange);
    exchange.attach(muxExchange);
    this.#liveness.streamOpened();
    if (muxExchange.start(this.#mux)) return;
    if (this.#mux.over || !this.#mux.hasIds) this.#owner.drains("no stream can be opened");
    this.left();
  }

  close(): void {
    this.#mux.close(1000, "");
  }

  destroy(reason: unknown): void {
    this.#mux.destroy(reason);
  }

  hold(alive: boolean): void {
    this.#opened.pipe.hold?.(alive);
    const untold = this.#untold;
    if (untold === undefined) return;
    // The pool asks for the first time when it takes the connection; it is not done with that yet.
    this.#untold = undefined;
    queueMicrotask(() => untold.forEach((tell) => tell()));
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

  goingAway(code: number): void {
    this.#tell(() => this.#owner.drains(`GOAWAY ${code}`));
  }

  left(): void {
    this.#liveness.streamClosed();
    this.#owner.freed();
  }

  broken(error: Error | undefined, violation: boolean): void {
    this.#liveness.stop();
    const settling = this.#settling;
    this.#settling = undefined;
    if (settling !== undefined) settling.failed(error, violation);
    else this.#tell(() => this.#owner.drains("the connection has ended"));
  }

  ended(error: Error | undefined): void {
    this.#tell(() => this.#owner.closed(error));
  }

  #tell(tell: () => void): void {
    if (this.#untold === undefined) tell();
    else this.#untold.push(tell);
  }
}
