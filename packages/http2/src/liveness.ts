import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Http2Ping } from "./options.ts";

const maxTimerMs = 2 ** 31 - 1;

/**
 * Finds a peer that has gone silent: after `intervalMs` without a byte while streams are open it sends a PING, and without a
 * byte in the next `timeoutMs` it destroys the session. Bytes of any kind count as life, so a busy session is never asked.
 *
 *     resting ──► listening ──► asked ──► session destroyed
 *        ▲            │  ▲        │
 *        └────────────┘  └────────┘
 *
 * Owned by the session. Its timer never keeps the process alive, and does not run while no stream is open.
 */
export class Liveness {
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #ping: Required<Http2Ping>;
  #streams = 0;
  #asked = false;
  #bytesSeen = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(session: ClientHttp2Session, socket: Socket, ping: Required<Http2Ping>) {
    this.#session = session;
    this.#socket = socket;
    this.#ping = ping;
  }

  streamOpened(): void {
    this.#streams++;
    if (this.#timer === undefined && this.#ping.intervalMs !== Infinity) this.#listen(false);
  }

  streamClosed(): void {
    this.#streams--;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #listen(asked: boolean): void {
    this.#asked = asked;
    this.#bytesSeen = this.#socket.bytesRead;
    const ms = asked ? this.#ping.timeoutMs : this.#ping.intervalMs;
    // A process that was frozen wakes up to a late timer: what has come meanwhile is read before it is judged.
    this.#timer = setTimeout(() => setImmediate(() => this.#judge()), Math.min(ms, maxTimerMs)).unref();
  }

  /** The peer lives: it need not wait for `timeoutMs` to be asked again. */
  #answered(): void {
    if (!this.#asked || this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#listen(false);
  }

  #judge(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#session.destroyed || this.#streams === 0) return;
    const silent = this.#socket.bytesRead === this.#bytesSeen;
    if (silent && this.#asked) {
      const { timeoutMs } = this.#ping;
      this.#session.destroy(new Error(`the peer did not answer a PING within ${timeoutMs} ms (ping.timeoutMs)`));
      return;
    }
    this.#listen(silent);
    if (silent) this.#session.ping((error) => error === null && this.#answered());
  }
}
