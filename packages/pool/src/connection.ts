import { events, type Phase, type Protocol, type Target } from "@holdfast/transport";
import type { ConnectionOwner, DialTimes, DriverConnection, DriverDial } from "./driver.ts";
import type { Exchange } from "./exchange.ts";
import {
  exchangesLeft,
  idleLimitMs,
  inUse,
  jitteredAgeMs,
  type KeepAliveHint,
  type LifetimeLimits,
  nearlyAll,
} from "./lifetime.ts";
import { publishConnection } from "./publish.ts";

export type ConnectionState = "connecting" | "open" | "draining" | "closed";

/** What a connection tells its origin. */
export interface ConnectionHost {
  readonly limits: LifetimeLimits;
  /** Its state, its load or its capacity changed. */
  changed(connection: Connection): void;
  /** It is gone, or was never made: `error` says why, undefined if it ended as it should. */
  gone(connection: Connection, error: unknown): void;
  /** It is to end, and in use by a load that may never end: one that takes over is wanted first. */
  aged(connection: Connection): void;
  /** Its own limit moved. */
  limitMoved(connection: Connection): void;
}

let lastId = 0;

/**
 * One connection of a pool, from the dial to the last byte. Owned by its origin's pool, which alone decides what runs on
 * it.
 *
 *     connecting ──► open ──► draining ──► closed
 *          └───────────┴───────────────────►
 *
 * `draining` takes nothing new and closes at zero.
 */
export class Connection implements ConnectionOwner {
  readonly id: string;
  readonly protocol: Protocol;
  readonly target: Target;
  readonly origin: string;
  state: ConnectionState = "connecting";
  inFlight = 0;
  served = 0;
  capacity = 0;
  /** It has been free with nothing in flight: its peer may be ending it, also if nothing ever ran on it. */
  idled = false;
  /** In the list of connections with room. */
  listed = false;
  /** Nobody wanted the dial any more. */
  abandoned = false;
  /** This one is to be drained when the new one is open. */
  replaces: Connection | undefined;
  /** Which of its limits ends it. */
  limit: "maxAgeMs" | "maxExchanges" = "maxAgeMs";
  openedAt = 0;
  idleSince = 0;
  expiresAt: number = Infinity;
  watchSlot: number = -1;

  readonly #host: ConnectionHost;
  #driver: DriverConnection | undefined;
  #dial: DriverDial | undefined;
  #endOfAge: number = Infinity;
  #hint: KeepAliveHint | undefined;
  #servedAtHint = 0;
  #destroyed = false;

  constructor(idPrefix: string, protocol: Protocol, target: Target, host: ConnectionHost) {
    this.id = `${idPrefix}-${++lastId}`;
    this.protocol = protocol;
    this.target = target;
    this.origin = target.origin;
    this.#host = host;
  }

  /** Starts the dial. Its result arrives by `changed` or `gone`. */
  start(dial: DriverDial): void {
    this.#dial = dial;
    if (events.connectionDial.hasSubscribers) publishConnection(events.connectionDial, this);
    dial.opened.then(
      (driver) => this.#opened(driver),
      (error: unknown) => this.closed(error),
    );
  }

  get phase(): Phase {
    return this.#dial?.phase ?? "connect";
  }

  get times(): DialTimes {
    return this.#driver?.times ?? {};
  }

  get facts(): DriverConnection["facts"] {
    return this.#driver?.facts ?? {};
  }

  get hasRoom(): boolean {
    return this.state === "open" && this.inFlight < this.capacity;
  }

  /** Takes a lease. The origin has made sure that there is room. */
  take(): void {
    if (this.inFlight++ === 0) this.#driver?.hold(true);
    this.#limit();
  }

  /** Runs an exchange on a lease that was taken. */
  run(exchange: Exchange): void {
    exchange.leased(this, this.served++);
    const { maxExchanges } = this.#host.limits;
    if (exchangesLeft(this.served, maxExchanges, this.#hint, this.#servedAtHint) <= 0) this.drains("maxExchanges");
    else if (this.capacity > 1 && this.served === nearlyAll(maxExchanges)) {
      this.limit = "maxExchanges";
      this.#host.aged(this);
    }
    // Who listens to its events may have ended it: nothing of it may leave then.
    if (exchange.over) return this.freed();
    this.#driver?.run(exchange);
  }

  /** Takes nothing new; closes when nothing is in flight. */
  drains(reason: string): void {
    if (this.state !== "open") return;
    this.state = "draining";
    if (events.connectionDrain.hasSubscribers) publishConnection(events.connectionDrain, this, reason);
    this.#limit();
    // Looked at before: what the change sets off may end it by itself.
    const idle = this.inFlight === 0;
    this.#host.changed(this);
    if (idle) this.#close();
  }

  /** Ends it now; its exchanges are ended by the caller. */
  destroy(reason: unknown): void {
    if (this.state !== "connecting") {
      this.#destroyed = true;
      return this.#driver?.destroy(reason);
    }
    this.abandoned = true;
    this.#dial?.cancel(reason);
  }

  /** The one that was to take over could not be made: it goes on a little longer. */
  agesAgain(inMs: number): void {
    this.#endOfAge = performance.now() + inMs;
    this.#limit();
  }

  // ---- told by the driver

  freed(): void {
    this.inFlight--;
    if (this.inFlight === 0) {
      this.idled = true;
      this.idleSince = performance.now();
      this.#driver?.hold(false);
      this.#limit();
    }
    const last = this.inFlight === 0 && this.state === "draining";
    this.#host.changed(this);
    if (last) this.#close();
  }

  capacityIs(capacity: number): void {
    if (this.capacity === capacity) return;
    this.capacity = capacity;
    this.#host.changed(this);
    this.#noteIdle();
  }

  keepAlive(hint: KeepAliveHint): void {
    this.#hint = hint;
    this.#servedAtHint = this.served;
    if (hint.max !== undefined && hint.max <= 0) this.drains("Keep-Alive: max");
  }

  closed(error?: unknown): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.expiresAt = Infinity;
    if (events.connectionClose.hasSubscribers)
      publishConnection(events.connectionClose, this, error === undefined ? "done" : "lost", error);
    this.#host.gone(this, error);
  }

  // ---- limits

  expire(now: number): void {
    this.expiresAt = Infinity;
    if (this.state !== "open") return;
    if (now < this.#endOfAge) return this.inFlight === 0 ? this.drains("idleTimeoutMs") : this.#limit();
    this.#endOfAge = Infinity;
    this.limit = "maxAgeMs";
    if (this.capacity > 1 && inUse(this.inFlight, this.served, now - this.idleSince)) this.#host.aged(this);
    else this.drains("maxAgeMs");
    this.#limit();
  }

  #close(): void {
    if (!this.#destroyed) this.#driver?.close();
  }

  #opened(driver: DriverConnection): void {
    const { limits } = this.#host;
    this.#dial = undefined;
    this.#driver = driver;
    if (this.abandoned) return driver.destroy(undefined);
    this.capacity = driver.capacity;
    this.state = "open";
    this.openedAt = this.idleSince = performance.now();
    this.#endOfAge = this.openedAt + jitteredAgeMs(limits.maxAgeMs, Math.random());
    if (events.connectionOpen.hasSubscribers) publishConnection(events.connectionOpen, this);
    driver.hold(false);
    this.#limit();
    this.#host.changed(this);
    this.#noteIdle();
  }

  /** Who waited for it has it now: what comes later finds a connection that was kept. */
  #noteIdle(): void {
    if (this.inFlight === 0 && this.hasRoom) this.idled = true;
  }

  #limit(): void {
    if (this.state !== "open") {
      this.expiresAt = Infinity;
      return;
    }
    const endOfIdle =
      this.inFlight > 0 ? Infinity : this.idleSince + idleLimitMs(this.#host.limits.idleTimeoutMs, this.#hint);
    this.expiresAt = Math.min(endOfIdle, this.#endOfAge);
    this.#host.limitMoved(this);
  }
}
