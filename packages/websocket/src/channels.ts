import { factsOf } from "@holdfast/dial";
import { SocketChannel, watchSocket } from "@holdfast/exchange";
import type { Places } from "@holdfast/pool";
import {
  type Channel,
  type ChannelRequest,
  type CloseOptions,
  type ConnectionInfo,
  events,
  isTransportError,
  parseTarget,
  type Phase,
  restateError,
  type Target,
  type TransportError,
  type TransportErrorCode,
} from "@holdfast/transport";
import { channelError, socketFailure } from "./errors.ts";
import { checkSubprotocols, type OpenedSocket, openSocket, type SocketDial, type Upgrade } from "./open-socket.ts";
import { type ParsedWebSocketOptions, upgradeFields } from "./options.ts";
import { publishChannel } from "./publish.ts";

const goingAway = 1_001;
const schemes: readonly string[] = ["http:", "https:", "ws:", "wss:"];

let lastId = 0;

/** How many there are of one origin, or of all. */
export interface ChannelCounts {
  readonly connecting: number;
  readonly open: number;
}

/** A call of `open()`. */
interface Opening {
  readonly target: Target;
  readonly signal: AbortSignal | undefined;
  readonly startedAt: number;
}

/** A channel from its dial to its end. */
interface Entry {
  readonly id: string;
  readonly target: Target;
  readonly dial: SocketDial;
  channel: SocketChannel | undefined;
}

/** The plain channels of one transport: each has a socket of its own, which it owns until it is closed. */
export class Channels {
  readonly #options: ParsedWebSocketOptions;
  /** Each entry has one. */
  readonly #places: Places;
  readonly #entries: Set<Entry> = new Set();
  #closed: { readonly reason: unknown } | undefined;
  /** Totals; they only grow. */
  opened = 0;
  ended = 0;
  failed = 0;

  constructor(options: ParsedWebSocketOptions, places: Places) {
    this.#options = options;
    this.#places = places;
  }

  /** By origin; those with none are left out. */
  counts(): ReadonlyMap<string, ChannelCounts> {
    const counts = new Map<string, ChannelCounts>();
    for (const { target, channel } of this.#entries) {
      const { connecting, open } = counts.get(target.origin) ?? { connecting: 0, open: 0 };
      counts.set(
        target.origin,
        channel === undefined ? { connecting: connecting + 1, open } : { connecting, open: open + 1 },
      );
    }
    return counts;
  }

  async open(request: ChannelRequest): Promise<Channel> {
    const startedAt = performance.now();
    const target = parseTarget(request.url);
    const upgrade = checkUpgrade(target, request);
    const { signal } = request;
    const opening: Opening = { target, signal, startedAt };
    this.#check(opening);
    await this.#takePlace(opening);
    const entry = this.#dial(target, upgrade);
    const cancel = (): void => entry.dial.cancel(signal?.reason);
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      const opened = await entry.dial.opened;
      // Given up between the last byte of the answer and here.
      if (this.#closed !== undefined || signal?.aborted === true) {
        opened.socket.terminate();
        throw this.#closedError(opening);
      }
      return this.#adopt(entry, opened);
    } catch (error) {
      throw this.#refused(entry, error, opening);
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Says goodbye on all of them, and waits for the peers to do so. */
  async close({ signal, deadlineMs = 10_000 }: CloseOptions): Promise<void> {
    this.#closed ??= { reason: undefined };
    const all = this.#cancelDials(undefined);
    if (all.length === 0) return;
    const destroy = (): void => all.forEach((channel) => channel.destroy(signal?.reason));
    const timer = deadlineMs === Infinity ? undefined : setTimeout(destroy, Math.min(deadlineMs, 2 ** 31 - 1));
    signal?.addEventListener("abort", destroy, { once: true });
    if (signal?.aborted === true) destroy();
    await Promise.all(all.map((channel) => channel.close(goingAway, "")));
    clearTimeout(timer);
    signal?.removeEventListener("abort", destroy);
  }

  async destroy(reason: unknown): Promise<void> {
    this.#closed ??= { reason };
    const all = this.#cancelDials(reason);
    for (const channel of all) channel.destroy(reason);
    await Promise.all(all.map(({ closed }) => closed));
  }

  #check(opening: Opening): void {
    const { target, signal } = opening;
    if (!schemes.includes(target.scheme)) {
      const message = `websocket speaks to ${schemes.join(" and ")} URLs, not to ${target.scheme}`;
      throw this.#error("UNSUPPORTED", message, opening);
    }
    if (this.#closed !== undefined) throw this.#closedError(opening);
    if (signal?.aborted === true) throw this.#abortedError(opening, "queue");
  }

  /** Channels do not queue; where an idle socket of exchanges makes room, it takes a moment. */
  async #takePlace(opening: Opening): Promise<void> {
    const { maxTotalConnections } = this.#options.pool;
    const { signal } = opening;
    const place = this.#places.reserve();
    const abort = Promise.withResolvers<undefined>();
    const gaveUp = (): void => abort.resolve(undefined);
    signal?.addEventListener("abort", gaveUp, { once: true });
    const isTaken = await Promise.race([place, abort.promise]);
    signal?.removeEventListener("abort", gaveUp);
    if (isTaken === undefined) {
      void place.then((late) => late && this.#places.release());
      throw this.#abortedError(opening, "queue");
    }
    if (!isTaken) {
      const message = `no channel to ${opening.target.origin}: ${maxTotalConnections} connections are in use already (maxTotalConnections)`;
      throw this.#error("QUEUE_FULL", message, opening);
    }
    try {
      this.#check(opening);
    } catch (error) {
      this.#places.release();
      throw error;
    }
  }

  #dial(target: Target, upgrade: Upgrade): Entry {
    const id = `ws-channel-${++lastId}`;
    if (events.connectionDial.hasSubscribers) publishChannel(events.connectionDial, id, target);
    const dial = openSocket(target, upgrade, this.#options.pool.timeouts.connectMs, this.#options);
    const entry: Entry = { id, target, dial, channel: undefined };
    this.#entries.add(entry);
    return entry;
  }

  #adopt(entry: Entry, { socket, dialled }: OpenedSocket): SocketChannel {
    const { id, target } = entry;
    const connection: ConnectionInfo = Object.freeze({
      id,
      protocol: "websocket",
      origin: target.origin,
      reused: false,
      exchangeIndex: 0,
      ...factsOf(dialled),
    });
    const { sendBufferBytes, messageBytes, ping } = this.#options;
    let broke: Error | undefined;
    socket.on("error", (error) => (broke ??= error));
    if (events.connectionOpen.hasSubscribers) publishChannel(events.connectionOpen, id, target);
    const channel = new SocketChannel(socket, {
      connection,
      sendBufferBytes,
      masks: true,
      failureOf: (error) => socketFailure(error, messageBytes),
    });
    watchSocket(socket, dialled.socket, ping);
    entry.channel = channel;
    this.opened++;
    void channel.closed.then(({ clean }) => {
      this.ended++;
      this.#entries.delete(entry);
      this.#places.release();
      if (events.connectionClose.hasSubscribers)
        publishChannel(events.connectionClose, id, target, clean ? "done" : "lost", broke);
    });
    return channel;
  }

  /** Nothing of it is left; the error is the caller's. */
  #refused(entry: Entry, reason: unknown, opening: Opening): unknown {
    const { id, target, dial } = entry;
    const { signal, startedAt } = opening;
    const error = isTransportError(reason)
      ? restateError(reason, { elapsedMs: performance.now() - startedAt })
      : reason;
    this.#entries.delete(entry);
    this.#places.release();
    if (this.#closed === undefined && signal?.aborted !== true) this.failed++;
    if (events.connectionClose.hasSubscribers) publishChannel(events.connectionClose, id, target, "lost", error);
    if (this.#closed !== undefined) return this.#closedError(opening);
    if (signal?.aborted === true) return this.#abortedError(opening, dial.phase);
    return error;
  }

  #closedError(opening: Opening): TransportError {
    return this.#error(
      "CLOSED",
      `no channel to ${opening.target.origin}: the transport is closed`,
      opening,
      "queue",
      this.#closed?.reason,
    );
  }

  #abortedError(opening: Opening, phase: Phase): TransportError {
    return this.#error(
      "ABORTED",
      `the caller gave up opening a channel to ${opening.target.origin}`,
      opening,
      phase,
      opening.signal?.reason,
    );
  }

  #error(
    code: TransportErrorCode,
    message: string,
    { target, startedAt }: Opening,
    phase: Phase = "queue",
    cause?: unknown,
  ): TransportError {
    return channelError(code, message, target, {
      delivery: "not-sent",
      phase,
      elapsedMs: performance.now() - startedAt,
      cause,
    });
  }

  /** Those that are open are the caller's to end. */
  #cancelDials(reason: unknown): SocketChannel[] {
    const open: SocketChannel[] = [];
    for (const { channel, dial } of this.#entries) {
      if (channel === undefined) dial.cancel(reason);
      else open.push(channel);
    }
    return open;
  }
}

/** @throws TypeError for what could never be sent. */
function checkUpgrade({ path }: Target, { headers = {}, subprotocols = [], signal }: ChannelRequest): Upgrade {
  checkSubprotocols(subprotocols);
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError("signal is not an AbortSignal");
  return { path, headers: upgradeFields(headers), subprotocols, text: true };
}
