import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Http2Ping } from "./options.ts";
import { beginSilence, judge, type Judgement, owesByte, type Silence } from "./silence.ts";

const maxTimerMs = 2 ** 31 - 1;

/**
 * Finds a peer that has gone silent while streams are open, or since one was given up: at the latest `intervalMs` after its last
 * byte it sends a PING, and without a byte in the next `timeoutMs` it destroys the session. Bytes of any kind count as life, so a
 * busy session is never asked; nothing is done for each of them.
 *
 *     resting ──► listening ──► asked ──► session destroyed
 *        ▲            │  ▲        │
 *        └────────────┘  └────────┘
 *
 * Owned by the session. Its timer never keeps the process alive, and does not run while no stream is open and the peer has said
 * something since the last was given up.
 */
export class Liveness {
  /** Open now. */
  streams = 0;
  readonly #session: ClientHttp2Session;
  readonly #socket: Socket;
  readonly #ping: Required<Http2Ping>;
  #silence: Silence | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What had been read when a stream was given up last. */
  #bytesAtGivingUp = -1;

  constructor(session: ClientHttp2Session, socket: Socket, ping: Required<Http2Ping>) {
    this.#session = session;
    this.#socket = socket;
    this.#ping = ping;
  }

  streamOpened(): void {
    this.streams++;
    if (this.#timer === undefined && this.#ping.intervalMs !== Infinity) this.#begin();
  }

  /** @param givenUp By us, and not ended by the peer. */
  streamClosed(givenUp: boolean): void {
    this.streams--;
    if (givenUp) this.#bytesAtGivingUp = this.#socket.bytesRead;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#wait(beginSilence(this.#socket.bytesRead, performance.now(), this.#ping));
  }

  #wait({ silence, lookInMs }: Judgement): void {
    this.#silence = silence;
    const ms = Math.min(Math.ceil(lookInMs), maxTimerMs);
    // A process that was frozen wakes up to a late timer: what has come meanwhile is read before it is judged.
    this.#timer = setTimeout(() => setImmediate(() => this.#judge()), ms).unref();
  }

  #judge(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const silence = this.#silence;
    if (silence === undefined || this.#session.destroyed) return;
    const { bytesRead } = this.#socket;
    if (this.streams === 0 && !owesByte(silence, bytesRead, this.#bytesAtGivingUp)) return;
    const judgement = judge(silence, bytesRead, performance.now(), this.#ping);
    if (judgement.verdict === "gone") {
      const { timeoutMs } = this.#ping;
      this.#session.destroy(new Error(`the peer did not answer a PING within ${timeoutMs} ms (ping.timeoutMs)`));
      return;
    }
    this.#wait(judgement);
    // The answer is a byte of which the moment is known.
    if (judgement.verdict === "ask")
      this.#session.ping((error) => error === null && this.#timer !== undefined && this.#begin());
  }
}
