import { factsOf } from "@holdfast/dial";
import { SocketChannel, watchSocket } from "@holdfast/exchange";
import {
  type Channel,
  type ChannelRequest,
  type CloseOptions,
  type ConnectionInfo,
  parseTarget,
  type Target,
} from "@holdfast/transport";
import { channelError, codeOfSocketError } from "./errors.ts";
import { openSocket, type Upgrade } from "./open-socket.ts";
import { type ParsedWebSocketOptions, upgradeFields } from "./options.ts";

const goingAway = 1_001;
const schemes: readonly string[] = ["http:", "https:", "ws:", "wss:"];
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

let lastId = 0;

/** The plain channels of one transport: each has a socket of its own, which it owns until it is closed. */
export class Channels {
  readonly #options: ParsedWebSocketOptions;
  readonly #open: Set<SocketChannel> = new Set();
  readonly #opening: Set<(reason: unknown) => void> = new Set();
  #closed: { readonly reason: unknown } | undefined;
  #opened = 0;
  #ended = 0;

  constructor(options: ParsedWebSocketOptions) {
    this.#options = options;
  }

  get counts(): {
    readonly connecting: number;
    readonly open: number;
    readonly opened: number;
    readonly ended: number;
  } {
    return { connecting: this.#opening.size, open: this.#open.size, opened: this.#opened, ended: this.#ended };
  }

  /** The origins of those that are open. */
  origins(): readonly string[] {
    return [...this.#open].map(({ connection }) => connection.origin);
  }

  async open(request: ChannelRequest): Promise<Channel> {
    const target = parseTarget(request.url);
    const upgrade = checkUpgrade(target, request);
    this.#admit(target, request.signal);
    const dial = openSocket(target, upgrade, this.#options.pool.timeouts.connectMs, this.#options);
    const { signal } = request;
    const cancel = (reason: unknown): void => dial.cancel(reason);
    const onAbort = (): void => cancel(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#opening.add(cancel);
    try {
      const { socket, dialled } = await dial.opened;
      const connection: ConnectionInfo = Object.freeze({
        id: `ws-channel-${++lastId}`,
        protocol: "websocket",
        origin: target.origin,
        reused: false,
        exchangeIndex: 0,
        ...factsOf(dialled),
      });
      const { sendBufferBytes, ping } = this.#options;
      const channel = new SocketChannel(socket, { connection, sendBufferBytes, codeOf: codeOfSocketError });
      watchSocket(socket, dialled.socket, ping);
      this.#add(channel);
      return channel;
    } catch (error) {
      if (this.#closed !== undefined) throw this.#closedError(target);
      if (signal?.aborted === true)
        throw channelError("ABORTED", "the caller gave up", target, "not-sent", dial.phase, signal.reason);
      throw error;
    } finally {
      this.#opening.delete(cancel);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Says goodbye on all of them, and waits for the peers to do so. */
  async close({ signal, deadlineMs = 10_000 }: CloseOptions): Promise<void> {
    this.#closed ??= { reason: undefined };
    for (const cancel of this.#opening) cancel(undefined);
    const all = [...this.#open];
    if (all.length === 0) return;
    const destroy = (): void => all.forEach((channel) => channel.destroy(signal?.reason));
    const timer = deadlineMs === Infinity ? undefined : setTimeout(destroy, deadlineMs);
    signal?.addEventListener("abort", destroy, { once: true });
    if (signal?.aborted === true) destroy();
    await Promise.all(all.map((channel) => channel.close(goingAway, "")));
    clearTimeout(timer);
    signal?.removeEventListener("abort", destroy);
  }

  async destroy(reason: unknown): Promise<void> {
    this.#closed ??= { reason };
    for (const cancel of this.#opening) cancel(reason);
    const all = [...this.#open];
    for (const channel of all) channel.destroy(reason);
    await Promise.all(all.map(({ closed }) => closed));
  }

  #admit(target: Target, signal: AbortSignal | undefined): void {
    const { maxTotalConnections } = this.#options.pool;
    if (!schemes.includes(target.scheme)) {
      const message = `websocket speaks to ${schemes.join(" and ")} URLs, not to ${target.scheme}`;
      throw channelError("UNSUPPORTED", message, target, "not-sent", "queue");
    }
    if (this.#closed !== undefined) throw this.#closedError(target);
    if (signal?.aborted === true)
      throw channelError("ABORTED", "the caller gave up", target, "not-sent", "queue", signal.reason);
    if (this.#open.size + this.#opening.size >= maxTotalConnections) {
      const message = `${maxTotalConnections} channels are open already (maxTotalConnections)`;
      throw channelError("QUEUE_FULL", message, target, "not-sent", "queue");
    }
  }

  #closedError(target: Target): Error {
    return channelError("CLOSED", "the transport is closed", target, "not-sent", "queue", this.#closed?.reason);
  }

  #add(channel: SocketChannel): void {
    this.#opened++;
    this.#open.add(channel);
    void channel.closed.then(() => {
      this.#ended++;
      this.#open.delete(channel);
    });
  }
}

/** @throws TypeError for what could never be sent. */
function checkUpgrade({ path }: Target, { headers = {}, subprotocols = [] }: ChannelRequest): Upgrade {
  for (const one of subprotocols)
    if (!token.test(one)) throw new TypeError("a subprotocol is not a token (RFC 6455, 4.1)");
  if (new Set(subprotocols).size < subprotocols.length) throw new TypeError("a subprotocol is given twice");
  return { path, headers: upgradeFields(headers), subprotocols, text: true };
}
