import { type Fields, type Phase, type Target, TransportError } from "@holdfast/transport";
import type {
  Attempt,
  ConnectionOwner,
  DialTimes,
  Driver,
  DriverConnection,
  DriverDial,
  Failure,
} from "../src/driver.ts";
import type { Exchange } from "../src/exchange.ts";

/** A driver without sockets. Nothing happens by itself: a test opens dials, answers exchanges and ends connections. */
export class FakeDriver implements Driver {
  readonly protocol = "fake";
  readonly idPrefix = "fake";
  readonly multiplexed: boolean;
  /** More than a test starts at a time, where connections are shared. */
  expectedCapacity: number;
  pushes = false;
  /** All that were ever asked for, in order. */
  readonly dials: FakeDial[] = [];
  /** What the pool asked for against the contract of a driver. */
  readonly violations: string[] = [];
  /** Connections that were told to end do so only when the test says. */
  lingering = false;
  /** Connections that were told to end are gone before `close` or `destroy` returns. */
  abrupt = false;
  /** Each attempt fails at once as `not-sent`, before `run` returns. */
  failsAtOnce = false;
  /** Told of each attempt as it starts. */
  onRun: (attempt: FakeAttempt) => void = () => {};

  constructor(multiplexed = false) {
    this.multiplexed = multiplexed;
    this.expectedCapacity = multiplexed ? 1_000 : 1;
  }

  dial(target: Target, owner: ConnectionOwner, timeoutMs: number, push: boolean): FakeDial {
    const dial = new FakeDial(this, target, owner, timeoutMs, push);
    this.dials.push(dial);
    return dial;
  }

  /** Dials that are under way. */
  get pending(): FakeDial[] {
    return this.dials.filter((dial) => dial.state === "pending");
  }

  /** Connections that are there, open or ending. */
  get connections(): FakeConnection[] {
    return this.dials.flatMap(({ connection }) =>
      connection === undefined || connection.state === "closed" ? [] : [connection],
    );
  }

  /** Attempts under way, in the order of starting within each connection. */
  get running(): FakeAttempt[] {
    return this.connections.flatMap((connection) => connection.running);
  }

  /** The latest dial. */
  get last(): FakeDial {
    const dial = this.dials.at(-1);
    if (dial === undefined) throw new Error("nothing was dialled");
    return dial;
  }
}

export class FakeDial implements DriverDial {
  readonly driver: FakeDriver;
  readonly target: Target;
  readonly owner: ConnectionOwner;
  readonly timeoutMs: number;
  readonly push: boolean;
  readonly opened: Promise<FakeConnection>;
  phase: Phase = "connect";
  state: "pending" | "opened" | "failed" | "cancelled" = "pending";
  connection: FakeConnection | undefined;
  readonly #settle: PromiseWithResolvers<FakeConnection> = Promise.withResolvers();

  constructor(driver: FakeDriver, target: Target, owner: ConnectionOwner, timeoutMs: number, push: boolean) {
    this.driver = driver;
    this.target = target;
    this.owner = owner;
    this.timeoutMs = timeoutMs;
    this.push = push;
    this.opened = this.#settle.promise;
  }

  /** The connection is there. The pool learns it a microtask later. */
  open(capacity = 1, times: DialTimes = {}): FakeConnection {
    if (this.state !== "pending") throw new Error(`the dial is ${this.state}`);
    this.state = "opened";
    this.connection = new FakeConnection(this, capacity, times);
    this.#settle.resolve(this.connection);
    return this.connection;
  }

  fail(error: TransportError = dialError(this.target)): void {
    if (this.state !== "pending") throw new Error(`the dial is ${this.state}`);
    this.state = "failed";
    this.#settle.reject(error);
  }

  cancel(reason: unknown): void {
    if (this.state !== "pending") return;
    this.state = "cancelled";
    this.#settle.reject(dialError(this.target, "ABORTED", reason));
  }
}

export class FakeConnection implements DriverConnection {
  readonly dial: FakeDial;
  readonly capacity: number;
  readonly times: DialTimes;
  readonly facts = { remoteAddress: "127.0.0.1", remotePort: 1 };
  readonly running: FakeAttempt[] = [];
  state: "open" | "closing" | "destroyed" | "closed" = "open";
  /** What it carries at a time by its own account. */
  room: number;
  served = 0;
  /** Leases that the pool believes to be taken. */
  leases = 0;
  held = true;
  drained = false;

  constructor(dial: FakeDial, capacity: number, times: DialTimes) {
    this.dial = dial;
    this.capacity = capacity;
    this.room = capacity;
    this.times = times;
  }

  get owner(): ConnectionOwner {
    return this.dial.owner;
  }

  run(exchange: Exchange): void {
    if (this.state !== "open") this.#violation(`an exchange on a connection that is ${this.state}`);
    if (this.drained) this.#violation("an exchange on a connection that drains");
    if (this.leases >= this.room) this.#violation(`an exchange beyond the capacity of ${this.room}`);
    if (!this.held) this.#violation("an exchange on a connection that does not hold the process");
    if (exchange.over) this.#violation("an exchange that is over");
    this.leases++;
    this.served++;
    const attempt = new FakeAttempt(this, exchange);
    this.running.push(attempt);
    exchange.attach(attempt);
    this.dial.driver.onRun(attempt);
    if (this.dial.driver.failsAtOnce) attempt.failUnsent();
  }

  close(): void {
    if (this.state !== "open") this.#violation(`close of a connection that is ${this.state}`);
    if (this.leases > 0) this.#violation("close of a connection with exchanges in flight");
    this.#end("closing");
  }

  destroy(): void {
    this.#end("destroyed");
  }

  hold(alive: boolean): void {
    this.held = alive;
  }

  // ---- what a test lets happen

  /** It is gone; what ran on it has failed, as it does when a socket closes. */
  lose(failure: Partial<Failure> = {}): void {
    if (this.dial.driver.multiplexed) this.drains();
    for (const attempt of this.running.slice()) {
      attempt.leave();
      attempt.exchange.fail({ code: "CONNECTION_LOST", message: "the connection was lost", ...failure });
    }
    this.leases = 0;
    this.gone(new Error("lost"));
  }

  /** Reports that it is gone. */
  gone(error?: unknown): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.owner.closed(error);
  }

  drains(): void {
    this.drained = true;
    this.owner.drains("the peer said so");
  }

  capacityIs(capacity: number): void {
    this.room = capacity;
    this.owner.capacityIs(capacity);
  }

  /** One attempt less, and the lease is given back. */
  freed(): void {
    this.leases--;
    if (this.state !== "closed") this.owner.freed();
  }

  #end(state: "closing" | "destroyed"): void {
    if (this.state === "closed") return;
    this.state = state;
    const { abrupt, lingering } = this.dial.driver;
    if (abrupt) this.gone();
    else if (!lingering) queueMicrotask(() => this.gone());
  }

  #violation(what: string): void {
    this.dial.driver.violations.push(what);
  }
}

export class FakeAttempt implements Attempt {
  readonly connection: FakeConnection;
  readonly exchange: Exchange;
  paused = false;
  aborted: { readonly reason: unknown } | undefined;
  discarded: { readonly reason: unknown } | undefined;
  answered = false;
  /** A byte of it may have left. */
  touched = false;

  constructor(connection: FakeConnection, exchange: Exchange) {
    this.connection = connection;
    this.exchange = exchange;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  abort(reason: unknown): void {
    this.aborted = { reason };
    this.leave();
    // A stream is reset; one exchange on a connection can be stopped only together with it.
    if (this.connection.dial.driver.multiplexed) this.connection.freed();
    else this.connection.destroy();
  }

  discard(reason: unknown): void {
    this.discarded = { reason };
    this.leave();
    this.connection.freed();
  }

  // ---- what a test lets happen

  /** The request has left whole. */
  send(): this {
    this.touched = true;
    this.exchange.sending();
    this.exchange.sent();
    return this;
  }

  /** The response head has come. Without a body to follow, `end()` is next. */
  head(status = 200, headers: Fields = {}): boolean {
    this.answered = this.exchange.head(status, headers);
    return this.answered;
  }

  data(text: string): this {
    this.exchange.data(Buffer.from(text));
    return this;
  }

  end(trailers?: Fields): void {
    this.leave();
    this.exchange.end(trailers);
    this.connection.freed();
  }

  /** Sent, answered and ended in one turn. */
  answer(status = 200): void {
    this.send();
    this.head(status);
    this.end();
  }

  /** It failed; the connection is fit for another. */
  fail(failure: Partial<Failure> = {}): void {
    this.leave();
    this.exchange.fail({ code: "STREAM_RESET", message: "the stream was reset", ...failure });
    this.connection.freed();
  }

  /** It failed before a byte left. */
  failUnsent(): void {
    this.fail({ code: "CONNECTION_LOST", message: "it was gone before a byte left" });
  }

  /** The peer said that it did nothing with it. */
  refuse(): void {
    if (!this.touched) this.exchange.sending();
    this.fail({ code: "REFUSED", message: "refused", refused: true });
  }

  leave(): void {
    const at = this.connection.running.indexOf(this);
    if (at >= 0) this.connection.running.splice(at, 1);
  }
}

export function dialError(
  target: Target,
  code: "CONNECT_FAILED" | "CONNECT_TIMEOUT" | "ABORTED" = "CONNECT_FAILED",
  cause?: unknown,
): TransportError {
  return new TransportError(code, `no connection to ${target.origin}`, {
    delivery: "not-sent",
    phase: "connect",
    protocol: "fake",
    origin: target.origin,
    cause,
  });
}
