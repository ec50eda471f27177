import {
  events,
  type CheckedRequest,
  type ConnectionEvent,
  type EventChannel,
  type OriginStats,
  type Target,
  type TransportResponse,
  type TransportStats,
  type TransportTotals,
} from "@holdfast/transport";
import type { Failure } from "./errors.ts";
import { Exchange } from "./exchange.ts";
import type { MemoryHandler } from "./handler.ts";
import type { Settings } from "./options.ts";

/** What stands for the connection to one origin. Sets keep their order, so the first of `waiting` is the oldest. */
interface Line {
  readonly id: string;
  readonly target: Target;
  readonly waiting: Set<Exchange>;
  readonly active: Set<Exchange>;
  served: number;
}

/** Origins that are remembered while nothing happens on them. */
const maxIdleLines = 1_000;
let lineCount = 0;

/** The lines of one transport, and every exchange from acceptance to its end. */
export class Pool {
  readonly #handler: MemoryHandler;
  readonly #settings: Settings;
  readonly #lines = new Map<string, Line>();
  readonly #drained = Promise.withResolvers<void>();
  readonly #totals: { -readonly [K in keyof TransportTotals]: number } = {
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
  #open = true;

  constructor(handler: MemoryHandler, settings: Settings) {
    this.#handler = handler;
    this.#settings = settings;
  }

  /** False once draining began. */
  get open(): boolean {
    return this.#open;
  }

  hasRoom({ origin }: Target): boolean {
    const { maxStreams, maxQueued } = this.#settings;
    const line = this.#lines.get(origin);
    return line === undefined || line.active.size < maxStreams || line.waiting.size < maxQueued;
  }

  /** Starts the exchange, now or when its turn comes. */
  accept(request: CheckedRequest): Promise<TransportResponse> {
    const line = this.line(request.target);
    this.#totals.exchangesStarted++;
    const { promise, ...settle } = Promise.withResolvers<TransportResponse>();
    const exchange = new Exchange(request, this.#settings, settle, (exchange, outcome) => {
      this.#totals[outcome === "failed" ? "exchangesFailed" : "exchangesEnded"]++;
      if (outcome === "leaked") this.#totals.responsesLeaked++;
      line.waiting.delete(exchange);
      line.active.delete(exchange);
      this.#startNext(line);
      if (!this.#open) this.#closeIdle();
    });
    // Who listens to its events may have ended it already.
    if (!exchange.over) line.waiting.add(exchange);
    this.#startNext(line);
    return promise;
  }

  /** The line to an origin, opened if there is none. */
  line(target: Target): Line {
    const known = this.#lines.get(target.origin);
    if (known !== undefined) return known;
    if (this.#lines.size >= maxIdleLines) this.#closeIdle();
    const line: Line = { id: `memory-${++lineCount}`, target, waiting: new Set(), active: new Set(), served: 0 };
    this.#lines.set(target.origin, line);
    this.#totals.connectionsOpened++;
    publish(events.connectionDial, line);
    publish(events.connectionOpen, line);
    return line;
  }

  refused(): void {
    this.#totals.exchangesRefused++;
  }

  /** Takes nothing new; settles when what was accepted has ended and every line is closed. */
  drain(): Promise<void> {
    if (this.#open) for (const line of this.#lines.values()) publish(events.connectionDrain, line, "closed");
    this.#open = false;
    this.#closeIdle();
    return this.#drained.promise;
  }

  failAll(failure: (origin: string) => Failure): void {
    // Waiting ones first, so that none of them gets a place that an active one leaves.
    const all = [...this.#lines.values()].flatMap((line) => [...line.waiting, ...line.active]);
    for (const exchange of all) exchange.fail(failure(exchange.request.target.origin));
  }

  stats(): TransportStats {
    const lines = [...this.#lines.values()];
    const origins = Object.fromEntries(lines.map((line) => [line.target.origin, count([line], this.#open)]));
    return { ...count(lines, this.#open), totals: { ...this.#totals }, origins };
  }

  #startNext(line: Line): void {
    for (const exchange of line.waiting) {
      if (line.active.size >= this.#settings.maxStreams) return;
      line.waiting.delete(exchange);
      line.active.add(exchange);
      const exchangeIndex = line.served++;
      const { id, target } = line;
      exchange.start(this.#handler, {
        id,
        protocol: "memory",
        origin: target.origin,
        reused: exchangeIndex > 0,
        exchangeIndex,
      });
    }
  }

  #closeIdle(): void {
    for (const [origin, line] of this.#lines) {
      if (line.active.size + line.waiting.size > 0) continue;
      this.#lines.delete(origin);
      this.#totals.connectionsClosed++;
      publish(events.connectionClose, line, this.#open ? "idle" : "closed");
    }
    if (!this.#open && this.#lines.size === 0) this.#drained.resolve();
  }
}

function count(lines: readonly Line[], open: boolean): OriginStats {
  const busy = lines.filter(({ active }) => active.size > 0).length;
  const sum = (of: "waiting" | "active"): number => lines.reduce((total, line) => total + line[of].size, 0);
  return {
    connections: { connecting: 0, active: open ? busy : 0, idle: lines.length - busy, draining: open ? 0 : busy },
    exchanges: { queued: sum("waiting"), inFlight: sum("active") },
  };
}

function publish(channel: EventChannel<ConnectionEvent>, { id, target }: Line, reason?: string): void {
  if (!channel.hasSubscribers) return;
  channel.publish({
    connection: id,
    origin: target.origin,
    "server.address": target.hostname,
    "server.port": target.port,
    "network.protocol.name": "memory",
    ...(reason !== undefined && { reason }),
  });
}
