import { type OriginStats, type Phase, type Target, type TransportError } from "@holdfast/transport";
import { Connection, type ConnectionHost } from "./connection.ts";
import { DialHold } from "./dial-hold.ts";
import type { Driver, Failure } from "./driver.ts";
import { noRoom } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { type LifetimeLimits, replaceAgainMs } from "./lifetime.ts";
import type { ParsedPoolOptions } from "./options.ts";
import { pick, place, type Situation } from "./place.ts";
import { Refill } from "./refill.ts";
import { WaitList } from "./wait-list.ts";
import { Warming } from "./warming.ts";

type MutableSituation = { -readonly [K in keyof Situation<Connection>]: Situation<Connection>[K] };

/** Who may wait no longer than this for a dial has nothing of another one. */
const worthADialMs = 50;

/** What the pool of one origin needs of the pool of all. */
export interface OriginHost {
  readonly driver: Driver;
  readonly options: ParsedPoolOptions;
  readonly totalConnections: number;
  readonly closing: boolean;
  connectionAdded(connection: Connection): void;
  connectionOpened(): void;
  /** `closed`: it was open once; `failed`: its dial failed; `abandoned`: nobody wanted the dial any more. */
  connectionGone(connection: Connection, how: "closed" | "failed" | "abandoned"): void;
  limitMoved(connection: Connection): void;
  /** This origin may not dial, because all origins together have all connections that there may be. */
  wantsRoom(origin: OriginPool): void;
  /** The same, for one dial that is about to be made; false if no connection can make room. */
  makeRoom(origin: OriginPool): Promise<boolean>;
  canMakeRoom(origin: OriginPool): boolean;
  /** Nothing runs on this connection any more: it is told to end if another origin has waited longer for a place. */
  freed(connection: Connection, origin: OriginPool): void;
  /** A connection is open and has got what there was for it: another origin may need its place. */
  eased(): void;
  /** Nothing is open, nothing waits and nothing is about to be dialled. */
  empty(origin: OriginPool): void;
}

/**
 * The connections and the queue of one origin, or of those of its exchanges that take pushed responses. It applies what {@link place} decides, after each change, until there is
 * nothing left to do. Owned by the pool; owns its connections.
 */
export class OriginPool implements ConnectionHost {
  readonly target: Target;
  /** Its connections take pushed responses. */
  readonly push: boolean;
  readonly connections: Set<Connection> = new Set();
  readonly limits: LifetimeLimits;
  readonly #host: OriginHost;
  /** How many wait for one dial. Finite, for it is multiplied by the number of dials. */
  readonly #expectedCapacity: number;
  readonly #waiting: WaitList<Exchange> = new WaitList();
  /** Those under which a connection died that was kept. They go first, on fresh connections. */
  readonly #waitingFresh: WaitList<Exchange> = new WaitList();
  readonly #available: Connection[] = [];
  readonly #opening: Set<Connection> = new Set();
  readonly #draining: Set<Connection> = new Set();
  readonly #situation: MutableSituation;
  #open = 0;
  readonly #hold: DialHold = new DialHold(() => this.place());
  readonly #refill: Refill = new Refill(() => {
    this.#dialUpTo(this.#host.options.minConnections);
    this.tellIfEmpty();
  });
  #placing = false;
  #asked = false;
  readonly #warming: Warming = new Warming({
    open: () => this.#open,
    dialling: () => this.#situation.dialling,
    dialUpTo: (count) => this.#dialUpTo(count),
    makeRoom: () => this.#host.makeRoom(this),
  });

  constructor(target: Target, push: boolean, host: OriginHost) {
    const { maxConnections, maxTotalConnections } = host.options;
    this.target = target;
    this.push = push;
    this.limits = host.options;
    this.#host = host;
    this.#expectedCapacity = Math.min(host.driver.expectedCapacity, 2 ** 31);
    this.#situation = {
      waiting: 0,
      waitingFresh: 0,
      available: this.#available,
      multiplexed: host.driver.multiplexed,
      dialling: 0,
      draining: 0,
      connections: 0,
      maxConnections,
      totalConnections: 0,
      maxTotalConnections,
      dialsHeld: false,
    };
  }

  /** Exchanges that wait, with or without a dial under way for them. */
  get waiting(): number {
    return this.#waiting.size + this.#waitingFresh.size;
  }

  /** When the first that waits began its call; `Infinity` if none waits. */
  get waitsSince(): number {
    const [fresh, first] = [this.#waitingFresh.first(), this.#waiting.first()];
    return Math.min(fresh?.startedAt ?? Infinity, first?.startedAt ?? Infinity);
  }

  /** Takes an exchange in: it runs at once, or waits. Ask whether it is {@link full} before. */
  submit(exchange: Exchange): void {
    // The way of most exchanges: nobody waits and a connection is free.
    if (this.#waiting.size === 0 && this.#available.length > 0 && this.#waitingFresh.size === 0) {
      return this.#run(exchange, pick(this.#available, this.#host.driver.multiplexed));
    }
    exchange.covered(false);
    this.#waiting.push(exchange);
    this.place();
  }

  /** One more would have to wait for a lease, and as many as may are waiting for one. */
  get full(): boolean {
    const { maxQueued } = this.#host.options;
    if (this.#waiting.bare < maxQueued) return false;
    const now = this.#look();
    now.waiting++;
    const { action } = place(now);
    if (action === "use" || action === "dial" || this.#waiting.size < this.#coverable) return false;
    // A place that is about to be given up is as good as one that is free.
    let soon = action === "make-room" && this.#host.canMakeRoom(this) ? 1 : 0;
    for (const { inFlight } of this.#draining) if (inFlight === 0) soon++;
    return this.#waiting.bare >= maxQueued + soon;
  }

  /** Puts one back at the head. Its connection is not usable for it any more. */
  again(exchange: Exchange, fresh: boolean): void {
    const list = fresh ? this.#waitingFresh : this.#waiting;
    exchange.covered(false);
    list.unshift(exchange);
    this.place();
  }

  /** An exchange that waited is over. */
  leave(exchange: Exchange): void {
    exchange.place?.list.remove(exchange);
    this.place();
    this.#cancelIdleDials();
    this.tellIfEmpty();
  }

  /** Takes the next step until there is none. */
  place(): void {
    // What a step causes may ask for the next one: the loop that is under way takes it.
    this.#asked = true;
    if (this.#placing) return;
    this.#placing = true;
    while (this.#asked) {
      const next = place(this.#look());
      if (next.action === "use")
        this.#run((next.fresh ? this.#waitingFresh : this.#waiting).shift() as Exchange, next.connection);
      else if (next.action === "dial") this.#dial();
      else if (next.action === "retire") next.connection.drains("a fresh connection is needed");
      else {
        this.#asked = false;
        if (next.action === "make-room") this.#host.wantsRoom(this);
      }
    }
    this.#placing = false;
    this.#cover();
  }

  /** Where nothing is open and nothing waits, there is nothing to remember. */
  tellIfEmpty(): void {
    if (this.connections.size > 0 || this.waiting > 0 || this.#refill.pending || this.#warming.pending) return;
    this.#hold.stop();
    this.#host.empty(this);
  }

  dialPhase(): Phase {
    for (const connection of this.connections) if (connection.state === "connecting") return connection.phase;
    return "connect";
  }

  /** Why an exchange that began to wait at `since` waits, if it is that a dial failed. */
  dialError(since: number): TransportError | undefined {
    return this.#hold.errorFor(since);
  }

  /** Makes sure that `count` connections are open. Resolves with why there is none, if so. */
  async warm(count: number): Promise<Failure | TransportError | undefined> {
    const { maxConnections, maxTotalConnections } = this.#host.options;
    const failure = await this.#warming.upTo(Math.min(count, maxConnections));
    this.tellIfEmpty();
    if (this.#open > 0 || failure !== undefined) return this.#open > 0 ? undefined : failure;
    const own = this.#situation.connections >= maxConnections;
    return own ? noRoom("maxConnections", maxConnections) : noRoom("maxTotalConnections", maxTotalConnections);
  }

  /** The least recently used idle connection, if any. */
  longestIdle(): Connection | undefined {
    let longest: Connection | undefined;
    for (const one of this.#available) {
      if (one.inFlight === 0 && (longest === undefined || one.idleSince < longest.idleSince)) longest = one;
    }
    return longest;
  }

  /** Ends what is idle and lets nothing new on the rest, for a pool that drains. What waits is still to be served. */
  drain(): void {
    this.#refill.stop();
    this.tellIfEmpty();
    if (this.waiting > 0) return;
    for (const connection of [...this.connections]) {
      if (connection.state === "open") connection.drains("close");
      else if (connection.state === "connecting") connection.destroy(undefined);
    }
  }

  destroy(reason: unknown): void {
    this.#refill.stop();
    this.tellIfEmpty();
    for (const connection of [...this.connections]) connection.destroy(reason);
  }

  stats(): OriginStats {
    const counts = { connecting: 0, active: 0, idle: 0, draining: 0 };
    let inFlight = 0;
    for (const { state, inFlight: running } of this.connections) {
      inFlight += running;
      if (state === "open") counts[running > 0 ? "active" : "idle"]++;
      else if (state === "connecting" || state === "draining") counts[state]++;
    }
    return { connections: counts, exchanges: { queued: this.waiting, inFlight } };
  }

  // ---- told by connections

  changed(connection: Connection): void {
    if (connection.state === "open" && this.#opening.delete(connection)) this.#opened(connection);
    if (connection.state === "draining" && !this.#draining.has(connection)) {
      this.#draining.add(connection);
      this.#open--;
      if (this.#host.driver.multiplexed) this.#situation.connections--;
    }
    this.#list(connection);
    if (connection.state === "open" && connection.inFlight === 0) this.#host.freed(connection, this);
    this.place();
    if (this.#host.closing && connection.state === "open" && this.waiting === 0) connection.drains("close");
    if (connection.state === "open") this.#host.eased();
  }

  gone(connection: Connection, error: unknown): void {
    const dialled = !this.#opening.delete(connection);
    const draining = this.#draining.delete(connection);
    this.connections.delete(connection);
    this.#list(connection);
    if (dialled && !draining) this.#open--;
    if (!draining || !this.#host.driver.multiplexed) this.#situation.connections--;
    this.#host.connectionGone(connection, dialled ? "closed" : connection.abandoned ? "abandoned" : "failed");
    if (dialled) this.#refill.ended(connection);
    else {
      this.#dialEnded(connection.abandoned, error);
      connection.replaces?.agesAgain(this.#hold.leftMs);
    }
    this.place();
    this.#keepMinimum();
    this.tellIfEmpty();
  }

  aged(connection: Connection): void {
    for (const one of this.#opening) if (one.replaces === connection) return;
    const { maxConnections, maxTotalConnections } = this.#host.options;
    const byAge = connection.limit === "maxAgeMs";
    // One at a time on top of the limit, until what it replaces is gone.
    if (this.connections.size > maxConnections) return byAge ? connection.agesAgain(replaceAgainMs) : undefined;
    if (this.#host.totalConnections < maxTotalConnections) this.#dial(connection);
    else if (byAge) connection.drains("maxAgeMs");
  }

  limitMoved(connection: Connection): void {
    this.#host.limitMoved(connection);
  }

  // ---- inside

  #look(): MutableSituation {
    const now = this.#situation;
    now.waiting = this.#waiting.size;
    now.waitingFresh = this.#waitingFresh.size;
    now.draining = this.#draining.size;
    now.totalConnections = this.#host.totalConnections;
    now.dialsHeld = (this.#open > 0 && this.#hold.leftMs > 0) || this.#takesNone();
    return now;
  }

  /** A peer allows nothing on a connection that is open, and would allow nothing on another. */
  #takesNone(): boolean {
    if (!this.#host.driver.multiplexed || this.waiting === 0 || this.#available.length > 0) return false;
    for (const { state, capacity } of this.connections) if (state === "open" && capacity === 0) return true;
    return false;
  }

  #run(exchange: Exchange, connection: Connection): void {
    // Off the list first: an attempt may fail, and a subscriber may ask for another, before `run` returns.
    connection.take();
    this.#list(connection);
    connection.run(exchange);
  }

  #dial(replaces?: Connection): void {
    const { driver, options } = this.#host;
    const connection = new Connection(driver.idPrefix, driver.protocol, this.target, this);
    connection.replaces = replaces;
    this.connections.add(connection);
    this.#opening.add(connection);
    this.#situation.dialling++;
    this.#situation.connections++;
    this.#host.connectionAdded(connection);
    const asked = this.#waitingFresh.firstBare() ?? this.#waiting.firstBare();
    const timeoutMs = Math.max(options.timeouts.connectMs, asked?.timeouts.connectMs ?? 0);
    connection.start(driver.dial(this.target, connection, timeoutMs, this.push));
  }

  #opened(connection: Connection): void {
    this.#situation.dialling--;
    this.#open++;
    this.#hold.opened();
    this.#host.connectionOpened();
    // It has room before the old one is gone, so nobody dials in between.
    this.#list(connection);
    connection.replaces?.drains(connection.replaces.limit);
    connection.replaces = undefined;
    this.#warming.dialEnded();
  }

  /**
   * One failed dial costs those that it was made for their wait, unless other connections will serve them, or other dials, or,
   * where it only took too long, they have time for another.
   */
  #dialEnded(abandoned: boolean, error: unknown): void {
    this.#situation.dialling--;
    const failure = error as TransportError;
    this.#warming.dialEnded(failure);
    if (abandoned) return;
    this.#hold.failed(failure);
    const soon = performance.now() + worthADialMs;
    const isLost = (one: Exchange): boolean => failure.code !== "CONNECT_TIMEOUT" || !one.outwaits(soon);
    let left = Math.min(this.#expectedCapacity, this.waiting - this.#situation.dialling * this.#expectedCapacity);
    for (; left > 0; left--) {
      const exchange = this.#waitingFresh.find(isLost) ?? (this.#open > 0 ? undefined : this.#waiting.find(isLost));
      if (exchange === undefined) return;
      exchange.place?.list.remove(exchange);
      exchange.dialFailed(failure);
    }
  }

  /** Keeps the list of connections with room, the one used last at its end. */
  #list(connection: Connection): void {
    if (connection.hasRoom === connection.listed) return;
    connection.listed = !connection.listed;
    const list = this.#available;
    if (connection.listed) list.push(connection);
    else if (list[list.length - 1] === connection) list.pop();
    else list.splice(list.indexOf(connection), 1);
  }

  /** How many of those that wait may wait for dials instead of leases. */
  get #coverable(): number {
    return Math.max(0, this.#situation.dialling * this.#expectedCapacity - this.#waitingFresh.size);
  }

  #cover(): void {
    this.#waitingFresh.cover(this.#situation.dialling * this.#expectedCapacity);
    this.#waiting.cover(this.#coverable);
  }

  /** A dial that nobody waits for any more must not hold the process, or a place. */
  #cancelIdleDials(): void {
    if (this.waiting > 0 || this.#warming.pending) return;
    for (const connection of this.#opening) if (connection.replaces === undefined) connection.destroy(undefined);
  }

  #keepMinimum(): void {
    const { minConnections } = this.#host.options;
    if (minConnections === 0 || this.#host.closing || this.#refill.pending) return;
    if (this.#open + this.#situation.dialling < minConnections) this.#refill.begin(this.#hold.leftMs);
  }

  /** Dials until so many are open or on the way. True where only the limit over all origins is in the way. */
  #dialUpTo(count: number): boolean {
    const now = this.#situation;
    while (!this.#host.closing && this.#open + now.dialling < count && now.connections < now.maxConnections) {
      if (this.#host.totalConnections >= now.maxTotalConnections) return true;
      this.#dial();
    }
    return false;
  }
}
