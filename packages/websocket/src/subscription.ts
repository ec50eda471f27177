import { checkOptionNames } from "@holdfast/pool";
import {
  type Channel,
  type ChannelClosed,
  type ChannelRequest,
  checkNumber,
  isTransport,
  isTransportError,
  type Message,
  parseTarget,
  type Transport,
  type TransportError,
  type TransportErrorCode,
} from "@holdfast/transport";
import { afterClose, type AfterClose, afterError, codeOfClose, failedByClose } from "./after-close.ts";
import { type Backoff, backoffMs, parseBackoff } from "./backoff.ts";
import { channelError } from "./errors.ts";
import { RecentIds } from "./recent-ids.ts";
import { healthyMs } from "./reconnects.ts";

/** When the next channel is opened after one was lost. */
export interface Resubscribe extends Backoff {
  /** How long it may go without a message or a channel that holds before it fails; default 600 000, `Infinity` for never. */
  readonly outageMs?: number;
}

export interface SubscriptionOptions {
  /**
   * What to open. `lastId` is the id of the last message that was given out, undefined before the first; put it where the
   * peer looks for it, or send it in `start`.
   */
  readonly open: (lastId: string | undefined) => ChannelRequest;
  /** Says on each new channel what is wanted. It may read answers off the channel; what it leaves is given out. */
  readonly start?: (channel: Channel, lastId: string | undefined) => void | Promise<void>;
  /** The id of a message, undefined for one that has none. Without this nothing is resumed: what is sent during an outage is missed. */
  readonly idOf?: (message: Message) => string | undefined;
  /** Where an earlier subscription had come to. */
  readonly lastId?: string;
  readonly reconnect?: Resubscribe;
  /** Ends it with `ABORTED`, also while it waits. It takes the place of the request's own. */
  readonly signal?: AbortSignal;
}

const optionNames: readonly string[] = ["open", "start", "idOf", "lastId", "reconnect", "signal"];
const maxRecentIds = 1_024;

/**
 * The messages of a channel that is opened again whenever it is lost, without gap and without double where the peer can go
 * on behind an id:
 *
 * - Each message that must not be missed has an id of its own, a string that `idOf` finds in it.
 * - Told `lastId`, the peer sends everything behind that message, in its order, then what is new. It may begin earlier: of the
 *   last 1024 ids none is given out twice. If it does not know the id any more it closes with a code of 4000 to 4999.
 * - It closes with 1000 when nothing more will come.
 *
 * The loop ends after 1000. It opens again, after a random time up to a bound that grows with each failure in a row
 * (`reconnect`), after 1001, 1005, 1006, 1011, 1012, 1014 and when a channel is lost or cannot be opened for now; after 1013
 * the bound is the longest at once. It throws for every other code, with the `ChannelClosed` as `cause` of the error, for an
 * upgrade that is declined, for a peer that breaks the protocol, and after `outageMs`. A new message with an id, any message
 * where there is no `idOf`, and a channel that held for 10 s make failures forgotten. Leaving the loop closes the channel. Messages are read as the loop asks for them, so a slow loop slows
 * the peer. It can be iterated once, and does nothing before.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function subscribe(transport: Transport, options: SubscriptionOptions): AsyncIterable<Message> {
  if (!isTransport(transport)) throw new TypeError("subscribe() takes a transport");
  checkOptionNames("subscribe", options, optionNames);
  const { open, start, idOf, lastId, reconnect = {}, signal } = options;
  if (typeof open !== "function") throw new TypeError("open is not a function");
  if (start !== undefined && typeof start !== "function") throw new TypeError("start is not a function");
  if (idOf !== undefined && typeof idOf !== "function") throw new TypeError("idOf is not a function");
  if (lastId !== undefined && typeof lastId !== "string") throw new TypeError("lastId is not a string");
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError("signal is not an AbortSignal");
  checkNumber("reconnect.outageMs", reconnect.outageMs, 0);
  return new Subscription(transport, options, parseBackoff(reconnect)).messages();
}

class Subscription {
  readonly #transport: Transport;
  readonly #options: SubscriptionOptions;
  readonly #backoff: Required<Backoff>;
  readonly #outageMs: number;
  readonly #recent: RecentIds = new RecentIds(maxRecentIds);
  #lastId: string | undefined;
  /** When the loop began. */
  #startedAt = 0;
  #failures = 0;
  /** Since when there was neither a message nor a channel that held. */
  #downSince = 0;

  constructor(transport: Transport, options: SubscriptionOptions, backoff: Required<Backoff>) {
    this.#transport = transport;
    this.#options = options;
    this.#backoff = backoff;
    this.#outageMs = options.reconnect?.outageMs ?? 600_000;
    this.#lastId = options.lastId;
    if (options.lastId !== undefined) this.#recent.add(options.lastId);
  }

  async *messages(): AsyncGenerator<Message, void, void> {
    const { signal } = this.#options;
    this.#downSince = this.#startedAt = performance.now();
    for (;;) {
      const request = this.#options.open(this.#lastId);
      let next: AfterClose;
      let error: unknown;
      try {
        const channel = await this.#transport.open(signal === undefined ? request : { ...request, signal });
        const closed = yield* this.#read(channel);
        next = afterClose(closed);
        if (next === "end") return;
        const text =
          `${parseTarget(request.url).origin} closed the channel with ${closed.code} ${closed.reason.replace(/\p{Cc}/gu, " ")}`.trimEnd();
        error = this.#error(codeOfClose(closed.code), text, request, closed);
      } catch (reason) {
        next = afterError(reason);
        error = reason;
      }
      this.#checkAborted(request);
      if (next === "fail" || performance.now() - this.#downSince >= this.#outageMs) throw error;
      await pause(this.#waitMs(next), signal);
      this.#checkAborted(request);
    }
  }

  /** Gives out what one channel brings, and returns how it was closed. */
  async *#read(channel: Channel): AsyncGenerator<Message, Awaited<Channel["closed"]>, void> {
    const { idOf, signal } = this.#options;
    const openedAt = performance.now();
    const destroy = (): void => channel.destroy(signal?.reason);
    signal?.addEventListener("abort", destroy, { once: true });
    try {
      const over = await this.#start(channel);
      if (over !== undefined) return over;
      for await (const message of channel) {
        if (signal?.aborted === true) break;
        const id = idOf?.(message);
        this.#downSince = performance.now();
        if (id !== undefined) {
          if (!this.#recent.add(id)) continue;
          this.#lastId = id;
        }
        // Where what counts has ids, a greeting is no progress: a peer may greet and hang up.
        if (id !== undefined || idOf === undefined) this.#failures = 0;
        yield message;
      }
      return await channel.closed;
    } finally {
      signal?.removeEventListener("abort", destroy);
      const now = performance.now();
      if (now - openedAt >= healthyMs) {
        this.#failures = 0;
        this.#downSince = now;
      }
      // It is closed already, unless the loop was left or `start` failed.
      await channel.close();
    }
  }

  /** Where the channel ends under `start`, what that fails with only follows from it: gives how the channel was closed. */
  async #start(channel: Channel): Promise<ChannelClosed | undefined> {
    let ended = false;
    void channel.closed.then(() => (ended = true));
    try {
      await this.#options.start?.(channel, this.#lastId);
      return undefined;
    } catch (error) {
      if (!failedByClose(error, ended)) throw error;
      const closed = await channel.closed;
      if (!isTransportError(error) && afterClose(closed) === "end") throw error;
      return closed;
    }
  }

  #waitMs(next: AfterClose): number {
    this.#failures++;
    return next === "late"
      ? Math.random() * this.#backoff.maxMs
      : backoffMs(this.#failures, this.#backoff, Math.random());
  }

  #checkAborted(request: ChannelRequest): void {
    const { signal } = this.#options;
    if (signal?.aborted !== true) return;
    throw this.#error(
      "ABORTED",
      `the caller gave up the subscription to ${parseTarget(request.url).origin}`,
      request,
      signal.reason,
    );
  }

  #error(code: TransportErrorCode, message: string, { url }: ChannelRequest, cause: unknown): TransportError {
    const elapsedMs = performance.now() - this.#startedAt;
    return channelError(code, message, parseTarget(url), {
      delivery: "maybe-sent",
      phase: "channel",
      elapsedMs,
      cause,
    });
  }
}

/** Ends early when `signal` fires. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(ms, 2 ** 31 - 1));
  const wake = (): void => resolve();
  signal?.addEventListener("abort", wake, { once: true });
  if (signal?.aborted === true) wake();
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", wake);
}
