import {
  checkNumber,
  checkRequest,
  type CloseOptions,
  type ConnectionCounts,
  type OriginStats,
  parseTarget,
  type Phase,
  type Protocol,
  type Target,
  type TransportError,
  type TransportRequest,
  type TransportResponse,
  type TransportStats,
  type WarmOptions,
} from "@holdfast/transport";
import type { Connection } from "./connection.ts";
import type { Driver, Failure } from "./driver.ts";
import { aborted, closed, deadlineExceeded, queueFull, warmError } from "./errors.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeHost } from "./exchange-host.ts";
import { warnOfLeak } from "./leak-warning.ts";
import { OriginPool, type OriginHost } from "./origin-pool.ts";
import { type ParsedPoolOptions, timeoutsFor } from "./options.ts";
import type { Push } from "./push.ts";
import { TotalLimit } from "./total-limit.ts";
import { farthestMs, Watch } from "./watch.ts";

/** Refuses what the adapter cannot carry, before anything is queued; throws what `request()` shall reject with. */
export type Admission = (target: Target, request: TransportRequest) => void;

/** The places that there are for connections of all kinds: those that the adapter makes itself take one each. */
export interface Places {
  /** Takes one. When all are taken the longest idle connection makes room, which is waited for; false if there is none. */
  reserve(): Promise<boolean>;
  /** Gives one back. */
  release(): void;
}

/**
 * The pool of one transport: exchanges in, connections held, over all origins. `request`, `warm`, `stats`, `close` and
 * `destroy` are those of the transport that it serves.
 */
export class Pool implements ExchangeHost, OriginHost, Places {
  readonly driver: Driver;
  readonly options: ParsedPoolOptions;
  closing = false;
  readonly #admit: Admission;
  readonly #origins: Map<string, OriginPool> = new Map();
  readonly #exchanges: Watch<Exchange> = new Watch();
  readonly #pushes: Watch<Push> = new Watch();
  readonly #connections: Watch<Connection> = new Watch();
  readonly #limit: TotalLimit;
  readonly #totals = {
    connectionsOpened: 0,
    connectionsClosed: 0,
    dialsFailed: 0,
    exchangesStarted: 0,
    exchangesRefused: 0,
    exchangesEnded: 0,
    exchangesFailed: 0,
    exchangesReplayed: 0,
    responsesLeaked: 0,
  };
  #destroyed: { readonly reason: unknown } | undefined;
  #ended: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(driver: Driver, options: ParsedPoolOptions, admit: Admission) {
    // Without it, placement would dial for ever and cover nobody.
    if (!(driver.expectedCapacity >= 1))
      throw new TypeError("the driver's expectedCapacity is not a number of at least 1");
    this.driver = driver;
    this.options = options;
    this.#admit = admit;
    this.#limit = new TotalLimit(options.maxTotalConnections, this.#origins);
  }

  get totalConnections(): number {
    return this.#limit.connections;
  }

  get protocol(): Protocol {
    return this.driver.protocol;
  }

  get multiplexed(): boolean {
    return this.driver.multiplexed;
  }

  get maxBodyBytes(): number {
    return this.options.maxBodyBytes;
  }

  get maxFields(): number {
    return this.options.maxFields;
  }

  request(request: TransportRequest): Promise<TransportResponse> {
    return new Promise((resolve, reject) => {
      const checked = checkRequest(request);
      this.#admit(checked.target, request);
      const exchange = new Exchange(
        checked,
        timeoutsFor(request.timeouts, this.options.timeouts),
        this,
        resolve,
        reject,
      );
      const origin = this.#originOf(exchange);
      const refusal = this.#refusal(exchange, origin);
      if (refusal !== undefined) {
        this.#totals.exchangesRefused++;
        exchange.refuse(refusal);
        return origin.tellIfEmpty();
      }
      this.#totals.exchangesStarted++;
      this.#exchanges.add(exchange);
      this.#exchanges.hold();
      exchange.begin();
      // Who listens to its events may have ended it.
      if (exchange.over) return origin.tellIfEmpty();
      origin.submit(exchange);
    });
  }

  /** Why an exchange is not accepted, if it is not. */
  #refusal(exchange: Exchange, origin: OriginPool): Failure | undefined {
    const { request, deadlineMs } = exchange;
    const { signal } = request.source;
    if (this.closing) return closed(this.#destroyed?.reason);
    if (signal?.aborted === true) return aborted(signal.reason);
    if (deadlineMs === 0) return deadlineExceeded(exchange, "queue");
    return origin.full ? queueFull(request.target.origin, this.options.maxQueued) : undefined;
  }

  async warm(origin: URL | string, { connections = 1, signal }: WarmOptions = {}): Promise<void> {
    checkNumber("connections", connections, 1);
    const startedAt = performance.now();
    const target = parseTarget(origin);
    this.#admit(target, { url: origin });
    const errorOf = (failure: Failure | TransportError): TransportError =>
      // What ends with the transport is told so, and not that its dial was cancelled.
      warmError(this.closing ? closed(this.#destroyed?.reason) : failure, target, this.protocol, startedAt);
    if (this.closing || signal?.aborted === true) throw errorOf(aborted(signal?.reason));
    let stop: (() => void) | undefined;
    const given = new Promise<Failure>((resolve) => {
      stop = (): void => resolve(aborted(signal?.reason));
      signal?.addEventListener("abort", stop, { once: true });
    });
    const failure = await Promise.race([this.#origin(target, false).warm(connections), given]);
    signal?.removeEventListener("abort", stop as () => void);
    if (failure !== undefined) throw errorOf(failure);
  }

  reserve(): Promise<boolean> {
    return this.#limit.reserve();
  }

  release(): void {
    this.#limit.connections--;
    this.#limit.feed();
    this.#endIfDone();
  }

  stats(): TransportStats {
    const origins: Record<string, OriginStats> = {};
    for (const pool of this.#origins.values()) {
      const { origin } = pool.target;
      origins[origin] = sumOf([pool.stats(), ...(origins[origin] === undefined ? [] : [origins[origin]])]);
    }
    return { ...sumOf(Object.values(origins)), totals: { ...this.#totals }, origins };
  }

  async close({ signal, deadlineMs = 10_000 }: CloseOptions = {}): Promise<void> {
    checkNumber("deadlineMs", deadlineMs, 0);
    this.#beginClosing();
    const expired = (): void =>
      void this.destroy(new DOMException(`draining took longer than ${deadlineMs} ms`, "TimeoutError"));
    const stop = (): void => void this.destroy(signal?.reason);
    const timer = deadlineMs > farthestMs ? undefined : setTimeout(expired, deadlineMs);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    return (this.#closed as Promise<void>).finally(() => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    });
  }

  destroy(reason?: unknown): Promise<void> {
    this.#destroyed ??= { reason };
    this.#beginClosing();
    const exchanges = this.#exchanges.items();
    // Those that wait go first: else they would be started on what the others leave.
    for (const exchange of exchanges) if (exchange.place !== undefined) exchange.closed(this.#destroyed.reason);
    for (const exchange of exchanges) exchange.closed(this.#destroyed.reason);
    for (const push of this.#pushes.items()) push.closed(this.#destroyed.reason);
    for (const origin of [...this.#origins.values()]) origin.destroy(this.#destroyed.reason);
    return this.#closed as Promise<void>;
  }

  // ---- told by exchanges

  limitMoved(item: Exchange | Connection): void {
    if (item instanceof Exchange) this.#exchanges.note(item);
    else this.#connections.note(item);
  }

  dialPhase(exchange: Exchange): Phase {
    return this.#waitsAt(exchange)?.dialPhase() ?? "connect";
  }

  dialError(exchange: Exchange): TransportError | undefined {
    return exchange.phase === "queue" ? this.#waitsAt(exchange)?.dialError(exchange.startedAt) : undefined;
  }

  again(exchange: Exchange, fresh: boolean): void {
    this.#totals.exchangesReplayed++;
    this.#originOf(exchange).again(exchange, fresh);
  }

  settled(): void {
    this.#exchanges.release();
  }

  over(exchange: Exchange, failed: boolean): void {
    this.#exchanges.delete(exchange);
    this.#totals[failed ? "exchangesFailed" : "exchangesEnded"]++;
    if (exchange.place !== undefined) this.#originOf(exchange).leave(exchange);
    if (this.closing && this.#exchanges.size === 0) this.#drain();
  }

  leaked(exchange: Exchange): void {
    if (this.#totals.responsesLeaked++ === 0) warnOfLeak(exchange);
  }

  // ---- told by pushes

  pushBegun(push: Push): void {
    this.#pushes.add(push);
  }

  pushLimitMoved(push: Push): void {
    this.#pushes.note(push);
  }

  pushOver(push: Push): void {
    this.#pushes.delete(push);
  }

  pushesFail(main: Exchange, error: TransportError): void {
    if (this.#pushes.size === 0) return;
    for (const push of this.#pushes.items()) if (push.main === main) push.mainFailed(error);
  }

  // ---- told by origins

  connectionAdded(connection: Connection): void {
    this.#limit.connections++;
    this.#connections.add(connection);
  }

  connectionOpened(): void {
    this.#totals.connectionsOpened++;
  }

  connectionGone(connection: Connection, how: "closed" | "failed" | "abandoned"): void {
    this.#limit.gone(connection);
    this.#connections.delete(connection);
    if (how !== "abandoned") this.#totals[how === "failed" ? "dialsFailed" : "connectionsClosed"]++;
    this.#limit.feed();
    this.#endIfDone();
  }

  wantsRoom(origin: OriginPool): void {
    this.#limit.wantsRoom(origin);
  }

  makeRoom(origin: OriginPool): Promise<boolean> {
    return this.#limit.makeRoom(origin);
  }

  canMakeRoom(origin: OriginPool): boolean {
    return this.#limit.canMakeRoom(origin);
  }

  freed(connection: Connection, origin: OriginPool): void {
    this.#limit.claim(connection, origin);
  }

  eased(): void {
    this.#limit.eased();
  }

  empty(origin: OriginPool): void {
    const key = keyOf(origin.target, origin.push);
    this.#limit.forget(origin);
    if (this.#origins.get(key) === origin) this.#origins.delete(key);
  }

  // ---- inside

  #originOf(exchange: Exchange): OriginPool {
    return this.#origin(exchange.request.target, this.#takesPushes(exchange));
  }

  #waitsAt(exchange: Exchange): OriginPool | undefined {
    return this.#origins.get(keyOf(exchange.request.target, this.#takesPushes(exchange)));
  }

  #takesPushes({ request }: Exchange): boolean {
    return this.driver.pushes === true && request.source.onPush !== undefined;
  }

  #origin(target: Target, push: boolean): OriginPool {
    const key = keyOf(target, push);
    let origin = this.#origins.get(key);
    if (origin === undefined) {
      origin = new OriginPool(target, push, this);
      this.#origins.set(key, origin);
    }
    return origin;
  }

  #beginClosing(): void {
    this.closing = true;
    this.#closed ??= new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.#drain();
  }

  #drain(): void {
    for (const origin of [...this.#origins.values()]) origin.drain();
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.closing || this.totalConnections > 0 || this.#exchanges.size > 0) return;
    this.#exchanges.stop();
    this.#pushes.stop();
    this.#connections.stop();
    this.#ended?.();
  }
}

function keyOf({ origin }: Target, push: boolean): string {
  return push ? `${origin} push` : origin;
}

function sumOf(parts: readonly OriginStats[]): OriginStats {
  const connections = { connecting: 0, active: 0, idle: 0, draining: 0 };
  const exchanges = { queued: 0, inFlight: 0 };
  for (const one of parts) {
    for (const state of Object.keys(connections) as (keyof ConnectionCounts)[])
      connections[state] += one.connections[state];
    exchanges.queued += one.exchanges.queued;
    exchanges.inFlight += one.exchanges.inFlight;
  }
  return { connections, exchanges };
}
