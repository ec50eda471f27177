import { type Channel, checkNumber, type CloseOptions } from "@holdfast/transport";
import { Answer, type AnswerHost } from "./answer.ts";
import { type AnswerTimeouts, parseAnswerTimeouts, Rounds } from "./answer-limits.ts";
import { pipeOf } from "./channel-pipe.ts";
import { muxCode } from "./frames.ts";
import { Liveness } from "./liveness.ts";
import { Mux, type MuxOwner } from "./mux.ts";
import type { MuxStream } from "./mux-stream.ts";
import { TokenBucket } from "./token-bucket.ts";
import { type MuxOptions, type ParsedMuxOptions, parseMuxOptions } from "./options.ts";
import type { Pipe } from "./pipe.ts";
import type { ExchangeHandler, ServedRequest } from "./served.ts";

/** How requests that come by a pipe are answered. */
export interface AnswerOptions extends MuxOptions {
  readonly limits?: {
    /** Bytes of a request's head, default 16 KiB; a longer one is reset. */
    readonly headBytes?: number;
    /** What `bytes()`, `text()` and `json()` of a request collect unless they are told, default 10 MiB. */
    readonly bodyBytes?: number;
    /**
     * Requests that the client may reset before they are answered, or make this end reset: this many at once, default 100, a
     * fifth of it each second. Beyond, the connection takes no more by GOAWAY (CVE-2023-44487), and finishes those it has.
     */
    readonly maxResets?: number;
    /** Fields of a request's head, default 128; more are answered 431. */
    readonly maxFields?: number;
  };
  readonly timeouts?: AnswerTimeouts;
  /** Told of what a handler threw, and of an answer that could not be sent. What it throws is passed over. Default: nothing is done. */
  readonly onError?: (error: unknown, request: ServedRequest) => void;
  /** The client came by TLS, so URLs are `https:`. Default false. */
  readonly secure?: boolean;
  /** How long a client may take to send its SETTINGS, default 10 000. */
  readonly settingsTimeoutMs?: number;
  /** How long the connection may be without a request, default 300 000. */
  readonly idleTimeoutMs?: number;
}

/** The answering end of a connection. */
export interface Answering {
  /** Streams that are open. */
  readonly openStreams: number;
  /** Settles when nothing is left of it. */
  readonly closed: Promise<void>;
  /** Refuses new requests by GOAWAY, so that the client may send them elsewhere, finishes the others, then closes. */
  drain(options?: CloseOptions): Promise<void>;
  /** Ends it now: clients cannot know what became of their requests. */
  destroy(reason?: unknown): void;
}

/**
 * Answers the requests that come by a pipe, or a channel, from `exchangeOver` or any other client of `holdfast.mux.v1`. Owns
 * the pipe.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function answerOver(pipe: Pipe | Channel, handler: ExchangeHandler, options: AnswerOptions = {}): Answering {
  checkNumber("settingsTimeoutMs", options.settingsTimeoutMs, 1);
  checkNumber("idleTimeoutMs", options.idleTimeoutMs, 1);
  checkNumber("limits.maxResets", options.limits?.maxResets, 0);
  checkNumber("limits.maxFields", options.limits?.maxFields, 1);
  checkNumber("limits.bodyBytes", options.limits?.bodyBytes, 0);
  const end = new AnswerEnd("start" in pipe ? pipe : pipeOf(pipe), handler, options, parseMuxOptions(options));
  end.start();
  return {
    get openStreams() {
      return end.openStreams;
    },
    closed: end.finished,
    drain: (drainOptions) => end.drain(drainOptions),
    destroy: (reason) => end.destroy(reason),
  };
}

const opaque: Uint8Array = new TextEncoder().encode("holdfast");

/** What one connection's answers share. */
class AnswerEnd implements MuxOwner, AnswerHost {
  readonly handler: ExchangeHandler;
  readonly protocol = "holdfast.mux.v1";
  readonly secure: boolean;
  readonly maxBodyBytes: number;
  readonly maxFields: number;
  readonly timeouts: Required<AnswerTimeouts>;
  readonly #onError: AnswerOptions["onError"];
  readonly #mux: Mux;
  readonly #maxStreams: number;
  readonly #idleMs: number;
  readonly #liveness: Liveness;
  readonly #rounds: Rounds;
  readonly #resets: TokenBucket;
  readonly #end: PromiseWithResolvers<void> = Promise.withResolvers();
  /** Handlers that have not done, those of cancelled requests among them: cancelling makes no room for more. */
  #running = 0;
  #draining = false;
  /** For the SETTINGS first, then for requests. */
  #timer: NodeJS.Timeout | undefined;
  #idleSince = 0;

  constructor(pipe: Pipe, handler: ExchangeHandler, options: AnswerOptions, parsed: ParsedMuxOptions) {
    this.handler = handler;
    this.#onError = options.onError;
    this.secure = options.secure ?? false;
    this.maxBodyBytes = options.limits?.bodyBytes ?? 10 * 2 ** 20;
    this.maxFields = options.limits?.maxFields ?? 128;
    this.timeouts = parseAnswerTimeouts(options.timeouts);
    this.#maxStreams = parsed.settings.maxStreams;
    const maxResets = Math.min(options.limits?.maxResets ?? 100, Number.MAX_SAFE_INTEGER);
    this.#resets = new TokenBucket(maxResets, maxResets / 5);
    this.#idleMs = options.idleTimeoutMs ?? 300_000;
    const mux = new Mux(pipe, 2, parsed.settings, this);
    this.#mux = mux;
    this.#rounds = new Rounds(this.timeouts, (now) => mux.look(now));
    this.#liveness = new Liveness(
      {
        get heardAt() {
          return mux.heardAt;
        },
        ping: () => mux.ping(opaque),
        silent: (error) => mux.giveUp(error),
      },
      parsed.ping,
    );
    const settingsMs = options.settingsTimeoutMs ?? 10_000;
    this.#timer = timer(() => mux.violated({ code: muxCode.protocol, reason: "no SETTINGS came in time" }), settingsMs);
  }

  start(): void {
    this.#mux.start();
  }

  get openStreams(): number {
    return this.#mux.openStreams;
  }

  get finished(): Promise<void> {
    return this.#end.promise;
  }

  async drain({ deadlineMs = 10_000, signal }: CloseOptions = {}): Promise<void> {
    const end = (): void => this.destroy(new Error("the connection was not drained in time"));
    const late = deadlineMs === Infinity ? undefined : timer(end, deadlineMs);
    signal?.addEventListener("abort", end, { once: true });
    if (signal?.aborted === true) end();
    this.#refuseMore(muxCode.none, "");
    await this.#end.promise;
    clearTimeout(late);
    signal?.removeEventListener("abort", end);
  }

  destroy(reason?: unknown): void {
    this.#mux.giveUp(reason instanceof Error ? reason : new Error("the connection was destroyed"));
  }

  // ---- told by the connection

  settled(): void {
    clearTimeout(this.#timer);
    this.#rest();
  }

  opened(stream: MuxStream): Answer | number {
    if (this.#running >= this.#maxStreams) return muxCode.refused;
    this.#liveness.streamOpened();
    this.#rounds.begin();
    return new Answer(stream, this);
  }

  goingAway(): void {
    this.#draining = true;
    this.#closeIfDone();
  }

  left(): void {
    this.#liveness.streamClosed();
    if (this.#mux.openStreams === 0) this.#idleSince = performance.now();
    this.#closeIfDone();
  }

  wasted(): void {
    if (!this.#resets.take(this.#mux.heardAt))
      this.#refuseMore(muxCode.overload, "more streams were reset than limits.maxResets allows");
  }

  broken(): void {
    this.#liveness.stop();
    this.#rounds.stop();
    clearTimeout(this.#timer);
  }

  ended(): void {
    this.#end.resolve();
  }

  // ---- told by answers

  begun(): void {
    this.#running++;
  }

  over(): void {
    this.#running--;
  }

  failed(error: unknown, request: ServedRequest): void {
    try {
      this.#onError?.(error, request);
    } catch {
      // What tells of errors has one itself; the answer fails all the same.
    }
  }

  /** One timer for all of its life, looked at when it fires. */
  #rest(): void {
    this.#idleSince = performance.now();
    const look = (): void => {
      const leftMs = this.#mux.openStreams > 0 ? this.#idleMs : this.#idleSince + this.#idleMs - performance.now();
      if (leftMs <= 0) void this.drain();
      else this.#timer = timer(look, leftMs);
    };
    this.#timer = timer(look, this.#idleMs);
  }

  #refuseMore(code: number, reason: string): void {
    this.#draining = true;
    this.#mux.goAway(code, reason);
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#draining && this.#mux.openStreams === 0) this.#mux.close(1000, "");
  }
}

function timer(run: () => void, ms: number): NodeJS.Timeout | undefined {
  return ms === Infinity ? undefined : setTimeout(run, Math.min(ms, 2 ** 31 - 1)).unref();
}
