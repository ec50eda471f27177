/** How a peer that has gone silent is found out: a PING while exchanges are in flight, any message counting as life. */
export interface MuxPing {
  /** Silence after which we ask, default 20 000; `Infinity` for never. */
  readonly intervalMs?: number;
  /** Silence after the PING that proves the peer gone, default 10 000. */
  readonly timeoutMs?: number;
}

/** What is watched. */
export interface Watched {
  /** When the peer was last heard, on the clock of `performance.now()`. */
  readonly heardAt: number;
  /** The peer owes something on each stream, so that a stream that ended unheard says something of it. Default false. */
  readonly owes?: boolean;
  ping(): void;
  /** The peer is gone. */
  silent(error: Error): void;
}

const maxTimerMs = 2 ** 31 - 1;

/**
 * Asks a peer that was silent for `intervalMs` while streams were open, and gives it up after `timeoutMs` more: no longer
 * than both together after its last message. Its timer never keeps the process alive, and none runs while no stream is open,
 * except where the peer `owes` and the last stream ended unheard, by a limit or a signal: it is still asked, for else one that
 * is gone would be given the next stream, and the next.
 *
 *     resting ──► listening ──► asked ──► silent
 *        ▲            │  ▲        │
 *        └────────────┘  └────────┘
 */
export class Liveness {
  readonly #watched: Watched;
  readonly #ping: Required<MuxPing>;
  #streams = 0;
  #askedAt: number | undefined;
  /** Since when it could have been heard. */
  #since = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(watched: Watched, ping: Required<MuxPing>) {
    this.#watched = watched;
    this.#ping = ping;
  }

  streamOpened(): void {
    if (this.#streams++ > 0 || this.#timer !== undefined || this.#ping.intervalMs === Infinity) return;
    this.#since = performance.now();
    this.#askedAt = undefined;
    this.#sleep(this.#ping.intervalMs);
  }

  streamClosed(): void {
    this.#streams--;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#streams = 0;
  }

  #sleep(ms: number): void {
    // A process that was frozen wakes up to a late timer: what has come meanwhile is read before it is judged.
    this.#timer = setTimeout(() => setImmediate(() => this.#judge()), Math.min(ms, maxTimerMs)).unref();
  }

  #judge(): void {
    if (this.#timer === undefined) return;
    this.#timer = undefined;
    const { heardAt, owes } = this.#watched;
    const heard = heardAt > this.#since;
    if (this.#streams === 0 && (heard || owes !== true)) return;
    const { intervalMs, timeoutMs } = this.#ping;
    const now = performance.now();
    if (heard) {
      this.#askedAt = undefined;
      this.#since = heardAt;
    }
    if (this.#askedAt === undefined) {
      const leftMs = this.#since + intervalMs - now;
      if (leftMs > 0) return this.#sleep(leftMs);
      this.#askedAt = now;
      this.#watched.ping();
    }
    const leftMs = this.#askedAt + timeoutMs - now;
    // Whoever answers is listened to from then on, so an answer has to be seen before another interval is over.
    if (leftMs > 0) return this.#sleep(Math.min(leftMs, intervalMs));
    this.#watched.silent(new Error(`the peer did not answer a PING within ${timeoutMs} ms (ping.timeoutMs)`));
  }
}
