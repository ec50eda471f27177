import { getEventListeners } from "node:events";
import type { TransportError, TransportRequest, TransportResponse } from "@holdfast/transport";
import { expect, vi } from "vitest";
import type { Connection } from "../src/connection.ts";
import { parsePoolOptions, type PoolOptions } from "../src/options.ts";
import { Pool } from "../src/pool.ts";
import { type FakeAttempt, type FakeConnection, type FakeDial, FakeDriver } from "./fake-driver.ts";

/** How an attempt ended, as the peer's side knows it. */
export type Outcome = "unsent" | "refused" | "lost" | "reset" | "ended" | "stopped" | "timeout-408";

export interface Start {
  readonly attempt: FakeAttempt;
  /** Its connection had carried an exchange, or been idle. */
  readonly kept: boolean;
  readonly served: number;
  outcome: Outcome | undefined;
}

/** One request as the model knows it. */
export interface Task {
  readonly id: number;
  readonly origin: string;
  readonly request: TransportRequest;
  readonly controller: AbortController;
  readonly replayable: boolean;
  /** Nothing but the pool's own doing can end it: its limits are off. */
  readonly patient: boolean;
  readonly starts: Start[];
  bodyBegun: boolean;
  aborted: boolean;
  settled: number;
  response: TransportResponse | undefined;
  error: TransportError | undefined;
}

export interface Shape {
  readonly multiplexed: boolean;
  readonly capacity: number;
  /** Connections are gone as soon as they are told to end, else when a step says so. */
  readonly abrupt: boolean;
  readonly options: PoolOptions;
}

/** Each task has a signal of its own. */
function isOf(attempt: FakeAttempt, { request }: Task): boolean {
  return attempt.exchange.request.source.signal === request.signal;
}

/** The pool with its fake driver, and what must be true of them at any time. */
export class World {
  readonly shape: Shape;
  readonly driver: FakeDriver;
  readonly pool: Pool;
  readonly tasks: Task[] = [];
  closing: Promise<void> | undefined;
  destroyed = false;
  readonly #firstStarts: Task[] = [];
  readonly #faults: string[] = [];
  /** Connections that were open with room and nothing on them. */
  readonly #idled: Set<FakeConnection> = new Set();
  readonly #dialFailedAt: Map<string, number> = new Map();
  /** Calls of `warm()` that have not settled, by origin. */
  readonly #warming: Map<string, number> = new Map();

  constructor(shape: Shape) {
    this.shape = shape;
    this.driver = new FakeDriver(shape.multiplexed);
    this.driver.lingering = true;
    this.driver.abrupt = shape.abrupt;
    if (shape.multiplexed) this.driver.expectedCapacity = shape.capacity;
    this.driver.onRun = (attempt) => this.#started(attempt);
    const options = parsePoolOptions(shape.options, { maxConnections: 2, idleTimeoutMs: Infinity });
    this.pool = new Pool(this.driver, options, () => {});
  }

  submit(origin: string, kind: "none" | "bytes" | "again" | "once", idempotent: boolean, queueMs: number): void {
    const controller = new AbortController();
    async function* chunks(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.from("x");
    }
    const bodies = { none: undefined, bytes: "bytes", again: chunks, once: chunks() };
    const request: TransportRequest = {
      url: origin,
      idempotent,
      signal: controller.signal,
      deadlineMs: Infinity,
      timeouts: { queueMs, connectMs: Infinity, headMs: Infinity, bodyGapMs: Infinity },
      body: bodies[kind] ?? null,
    };
    const task: Task = {
      id: this.tasks.length,
      origin,
      request,
      controller,
      replayable: kind !== "once",
      patient: queueMs === Infinity,
      starts: [],
      bodyBegun: false,
      aborted: false,
      settled: 0,
      response: undefined,
      error: undefined,
    };
    this.tasks.push(task);
    this.pool.request(request).then(
      (response) => {
        task.settled++;
        task.response = response;
      },
      (error: TransportError) => {
        task.settled++;
        task.error = error;
      },
    );
  }

  warm(origin: string, connections: number): void {
    const count = (by: number): void => void this.#warming.set(origin, (this.#warming.get(origin) ?? 0) + by);
    count(1);
    this.pool
      .warm(origin, { connections })
      .catch(() => {})
      .finally(() => count(-1));
  }

  taskOf(attempt: FakeAttempt): Task {
    const task = this.tasks.find((one) => isOf(attempt, one));
    if (task === undefined) throw new Error("an attempt of nothing that was submitted");
    return task;
  }

  /** The attempt ends so. Said before the pool hears of it. */
  ends(attempt: FakeAttempt, outcome: Outcome): void {
    const start = this.taskOf(attempt).starts.find((one) => one.attempt === attempt);
    if (start !== undefined) start.outcome ??= outcome;
  }

  failDial(dial: FakeDial): void {
    this.#dialFailedAt.set(dial.target.origin, performance.now());
    dial.fail();
  }

  lose(connection: FakeConnection): void {
    for (const attempt of connection.running)
      this.ends(attempt, attempt.exchange.delivery === "not-sent" ? "unsent" : "lost");
    connection.lose();
  }

  /** Lets everything run that is only waiting for its turn. */
  async flush(): Promise<void> {
    await vi.advanceTimersByTimeAsync(0);
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  waiting(origin?: string): Task[] {
    return this.tasks.filter(
      (task) =>
        (origin === undefined || task.origin === origin) &&
        task.settled === 0 &&
        !this.driver.running.some((attempt) => isOf(attempt, task)),
    );
  }

  get origins(): string[] {
    return [
      ...new Set(this.driver.dials.map((dial) => dial.target.origin).concat(this.tasks.map((task) => task.origin))),
    ];
  }

  /** Everything that holds between two events. */
  check(): void {
    expect(this.driver.violations).toEqual([]);
    expect(this.#faults).toEqual([]);
    const { options } = this.pool;
    const stats = this.pool.stats();
    let total = 0;
    for (const origin of this.origins) {
      const here = this.driver.dials.filter((dial) => dial.target.origin === origin);
      const connecting = here.filter((dial) => dial.state === "pending").length;
      const connections = here.flatMap(({ connection }) => connection ?? []).filter((one) => one.state !== "closed");
      const open = connections.filter((one) => stateOf(one) === "open");
      const draining = connections.length - open.length;
      total += connecting + connections.length;
      const counted = connecting + open.length + (this.shape.multiplexed ? 0 : draining);
      // What takes over from an aged connection may come on top while both are there, one at a time.
      const replacing = here.some(
        (dial) => dial.state === "pending" && (dial.owner as Connection).replaces?.state === "open",
      );
      expect(counted).toBeLessThanOrEqual(options.maxConnections + (replacing ? 1 : 0));

      const waiting = this.waiting(origin);
      const leases = connections.reduce((sum, one) => sum + one.leases, 0);
      const counts = stats.origins[origin];
      expect(counts?.exchanges ?? { queued: 0, inFlight: 0 }).toEqual({ queued: waiting.length, inFlight: leases });
      expect(counts?.connections ?? { connecting: 0, active: 0, idle: 0, draining: 0 }).toEqual({
        connecting,
        active: open.filter((one) => one.leases > 0).length,
        idle: open.filter((one) => one.leases === 0).length,
        draining,
      });
      const isWarming = (this.#warming.get(origin) ?? 0) > 0;
      if (!isWarming && options.minConnections === 0 && connecting + connections.length + waiting.length === 0)
        expect(counts).toBeUndefined();

      const free = open.filter((one) => one.leases < one.room);
      for (const task of waiting) {
        const last = task.starts.at(-1);
        const fresh = isLost(task.starts.at(-1));
        const usable = fresh ? free.filter((one) => this.#isFresh(one)) : free;
        expect(usable.length, `task ${task.id} waits (after ${last?.outcome}) beside a free connection`).toBe(0);
      }
      for (const one of free) if (one.leases === 0) this.#idled.add(one);
      const room = this.driver.connections.length + this.driver.pending.length < options.maxTotalConnections;
      const held = open.length > 0 && performance.now() - (this.#dialFailedAt.get(origin) ?? -Infinity) <= 5_000;
      // A peer that allows nothing on one connection would allow nothing on the next.
      const barred = this.shape.multiplexed && open.some((one) => one.room === 0);
      if (waiting.length > 0 && counted < options.maxConnections && room && !held && !barred)
        expect(connecting, `${origin} has ${waiting.length} waiters and room for another dial`).toBeGreaterThanOrEqual(
          this.shape.multiplexed ? 1 : Math.min(waiting.length, options.maxConnections - counted),
        );
    }
    expect(total).toBeLessThanOrEqual(options.maxTotalConnections);
    this.#checkOrder();
    for (const task of this.tasks) {
      expect(task.settled).toBeLessThanOrEqual(1);
      if (task.aborted) expect(task.settled).toBe(1);
      if (task.settled === 1 && task.response === undefined) this.#checkError(task);
    }
    const { exchangesStarted, exchangesRefused, exchangesEnded, exchangesFailed, exchangesReplayed } = stats.totals;
    expect(exchangesStarted + exchangesRefused).toBe(this.tasks.length);
    expect(exchangesEnded + exchangesFailed).toBeLessThanOrEqual(exchangesStarted);
    expect(this.tasks.reduce((sum, task) => sum + Math.max(0, task.starts.length - 1), 0)).toBeLessThanOrEqual(
      exchangesReplayed,
    );
  }

  /** Answers whatever is asked until nothing is asked any more. */
  async quiesce(): Promise<void> {
    this.driver.failsAtOnce = false;
    const patient = this.tasks.filter((task) => task.patient && task.settled === 0);
    await this.#answerAll();
    for (const task of patient) {
      expect(task.settled, `task ${task.id} at ${task.origin} was lost`).toBe(1);
      if (!this.destroyed) expect(task.error).toBeUndefined();
    }
  }

  async #answerAll(): Promise<void> {
    for (let round = 0; round < 1_000; round++) {
      for (const dial of this.driver.pending) dial.open(Math.max(1, this.shape.capacity));
      await this.flush();
      this.check();
      for (const attempt of this.driver.running) this.answer(attempt);
      for (const connection of this.driver.connections) {
        if (connection.room === 0) connection.capacityIs(1);
        if (connection.state !== "open") connection.gone();
      }
      await this.flush();
      this.check();
      const idle = this.driver.pending.length === 0 && this.driver.running.length === 0;
      if (idle && this.tasks.every((task) => task.settled > 0)) return;
      if (idle) await vi.advanceTimersByTimeAsync(20);
    }
  }

  close(): boolean {
    this.closing ??= this.pool.close({ deadlineMs: Infinity });
    return true;
  }

  destroy(): boolean {
    this.destroyed = true;
    this.closing = this.pool.destroy();
    return true;
  }

  answer(attempt: FakeAttempt): void {
    this.ends(attempt, "ended");
    if (attempt.answered) attempt.end();
    else attempt.answer();
  }

  /** After everything was asked to end: nothing is left of it. */
  async end(): Promise<void> {
    await this.quiesce();
    this.close();
    let done = false;
    void this.closing?.then(() => {
      done = true;
    });
    await this.quiesce();
    for (let i = 0; i < 5 && !done; i++) {
      for (const connection of this.driver.connections) if (connection.state !== "open") connection.gone();
      await this.flush();
    }
    expect(done, "close() settles").toBe(true);
    for (const task of this.tasks) {
      expect(task.settled).toBe(1);
      expect(getEventListeners(task.controller.signal, "abort")).toEqual([]);
    }
    const { connections, exchanges, totals, origins } = this.pool.stats();
    expect({ connections, exchanges, origins }).toEqual({
      connections: { connecting: 0, active: 0, idle: 0, draining: 0 },
      exchanges: { queued: 0, inFlight: 0 },
      origins: {},
    });
    expect(totals.exchangesEnded + totals.exchangesFailed).toBe(totals.exchangesStarted);
    expect(totals.connectionsOpened).toBe(totals.connectionsClosed);
    expect(this.driver.connections).toEqual([]);
    expect(this.driver.pending).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  }

  // ---- inside

  #started(attempt: FakeAttempt): void {
    const task = this.taskOf(attempt);
    const { connection } = attempt;
    const last = task.starts.at(-1);
    if (task.starts.length === 0) this.#firstStarts.push(task);
    if (last !== undefined && !this.#mayRunAgain(task))
      this.#faults.push(`task ${task.id} ran again after ${last.outcome}`);
    const replays = task.starts.filter(isLost).length;
    if (replays > 1) this.#faults.push(`task ${task.id} was replayed ${replays} times`);
    if (task.starts.length - replays > 4) this.#faults.push(`task ${task.id} was put back more than three times`);
    // One that was refused since then is put back as any other.
    if (isLost(last) && !this.#isFresh(connection))
      this.#faults.push(`task ${task.id} was replayed on a connection that had ended an exchange or been idle`);
    if (task.settled > 0) this.#faults.push(`task ${task.id} ran after it was settled`);
    if (this.destroyed) this.#faults.push(`task ${task.id} ran after destroy()`);
    task.starts.push({
      attempt,
      kept: connection.served > 1 || this.#idled.has(connection),
      served: connection.served,
      outcome: this.driver.failsAtOnce ? "unsent" : undefined,
    });
  }

  #mayRunAgain(task: Task): boolean {
    const last = task.starts.at(-1) as Start;
    if (!task.replayable && task.bodyBegun) return false;
    if (last.outcome === "unsent" || last.outcome === "refused") return true;
    return isLost(last) && last.kept && task.request.idempotent === true && !last.attempt.answered;
  }

  #isFresh(connection: FakeConnection): boolean {
    return connection.served === connection.leases && !this.#idled.has(connection);
  }

  #checkOrder(): void {
    for (const started of this.#firstStarts.splice(0)) {
      const passed = this.tasks.find(
        (task) =>
          task.origin === started.origin && task.id < started.id && task.starts.length === 0 && task.settled === 0,
      );
      expect(passed, `task ${started.id} started before task ${passed?.id}`).toBeUndefined();
    }
  }

  #checkError({ error, starts, origin }: Task): void {
    expect(error?.origin).toBe(origin);
    const seen = starts.some(({ attempt, outcome }) => attempt.touched && outcome !== "refused");
    // Whatever a peer may have seen is never told as harmless, whatever became of it later.
    expect(error?.delivery === "maybe-sent", `${error?.code} is ${error?.delivery}`).toBe(seen);
  }
}

function stateOf(connection: FakeConnection): string {
  return (connection.owner as Connection).state;
}

/** It met a connection that was ending. */
function isLost(start: Start | undefined): boolean {
  return start?.outcome === "lost" || start?.outcome === "timeout-408";
}
