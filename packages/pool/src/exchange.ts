import {
  events,
  type CheckedRequest,
  type Delivery,
  type Fields,
  noFields,
  type Phase,
  type Protocol,
  type PushedExchange,
  type Timeouts,
  type TransportError,
  type TransportResponse,
} from "@holdfast/transport";
import { forget, heed } from "./abort-hub.ts";
import { Answer } from "./answer.ts";
import type { Attempt, Failure } from "./driver.ts";
import type { ExchangeHost } from "./exchange-host.ts";
import { aborted, callerFailed, closed, closedIdle, dialErrorOf, errorOf, timeLimit } from "./errors.ts";
import { type HandOver, soon } from "./hand-over.ts";
import { placeOfCall } from "./leak-warning.ts";
import { publishExchange } from "./publish.ts";
import { Push } from "./push.ts";
import { decideReplay, type History, noHistory, withAttempt } from "./replay.ts";
import { type RequestBody, requestBody } from "./request-body.ts";
import { bodyTooLong, tooManyFields } from "./response-limits.ts";
import { responseOf } from "./response.ts";
import { MutableTimings } from "./timings.ts";
import type { Place } from "./wait-list.ts";
import { Waits } from "./waits.ts";
import type { Connection } from "./connection.ts";

let lastId = 0;

/**
 * One request through the pool, from the call to the end of its response body. Owned by the pool; the driver reports to it
 * in the order of `sending`, `sent`, `informational`, `head`, `data`, `end`, or `fail` at any time.
 *
 *     waiting ──► running ──► answered ──► over
 *        ▲  └────────│───────────│──────► over   abort, limit, failure
 *        └───────────┘                           put back: the peer cannot have seen it, or may get it twice
 */
export class Exchange implements HandOver {
  readonly id: number = ++lastId;
  readonly request: CheckedRequest;
  readonly protocol: Protocol;
  readonly timeouts: Timeouts;
  readonly startedAt: number;
  readonly deadlineAt: number;
  readonly deadlineMs: number;
  timings: MutableTimings = new MutableTimings();
  readonly body: RequestBody;
  expiresAt: number = Infinity;
  watchSlot: number = -1;
  signalSlot: number = -1;
  phase: Phase = "queue";
  delivery: Delivery = "not-sent";
  place: Place | undefined;
  connection: Connection | undefined;
  /** Where it was made, for the warning of a leak. */
  readonly madeAt: string | undefined = placeOfCall();
  /** On its connection, from 0. */
  index = 0;

  readonly #host: ExchangeHost;
  // Dropped with the response: up to Node 24 they hold the promise, and by it a response that nobody else holds.
  #resolve: ((response: TransportResponse) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;
  #attempt: Attempt | undefined;
  #answer: Answer | undefined;
  #over = false;
  /** Its reader is behind. */
  #paused = false;
  /** Of an attempt that waits, or waited. */
  #waits: Waits | undefined;
  /** Its connection was there before it. */
  #kept = false;
  #interim = 0;
  #history: History = noHistory;

  constructor(
    request: CheckedRequest,
    timeouts: Timeouts,
    host: ExchangeHost,
    resolve: (response: TransportResponse) => void,
    reject: (error: unknown) => void,
  ) {
    const { deadlineMs } = request.source;
    this.request = request;
    this.protocol = host.protocol;
    this.timeouts = timeouts;
    this.body = requestBody(request.body, request.headers);
    this.startedAt = performance.now();
    this.deadlineMs = deadlineMs ?? 60_000;
    this.deadlineAt = this.startedAt + this.deadlineMs;
    this.#host = host;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Of the response; 0 before. */
  get status(): number {
    return this.#answer?.status ?? 0;
  }

  get over(): boolean {
    return this.#over;
  }

  /** It is not accepted, and never was there for anybody but its caller. */
  refuse(failure: Failure): void {
    this.#over = true;
    this.#reject?.(this.#error(failure));
  }

  /** It is accepted. */
  begin(): void {
    const { signal } = this.request.source;
    if (signal !== undefined) heed(signal, this);
    if (events.exchangeQueue.hasSubscribers) publishExchange(events.exchangeQueue, this);
    this.#limit(Infinity, 0);
  }

  // ---- while it waits

  /** It waits: for a dial that is under way, or for a lease. */
  covered(by: boolean): void {
    const waits = (this.#waits ??= new Waits());
    const { connectMs, queueMs } = this.timeouts;
    const now = performance.now();
    this.phase = by ? "connect" : "queue";
    this.#limit(by ? waits.covered(now, connectMs) : waits.queued(now, queueMs), now);
  }

  /** It may wait for dials still at that moment. */
  outwaits(moment: number): boolean {
    return (this.#waits?.dialEndsAt(this.timeouts.connectMs) ?? Infinity) > moment;
  }

  /** It has its lease. The driver is called next. */
  leased(connection: Connection, index: number): void {
    const now = performance.now();
    const { startedAt, timings } = this;
    this.connection = connection;
    this.index = index;
    this.#kept = index > 0 || connection.idled;
    const dialled = index === 0 && connection.openedAt > startedAt;
    timings.leased((dialled && this.#waits?.coveredAt) || now, startedAt, dialled ? connection.times : undefined);
    this.#waits = undefined;
    this.phase = "send";
    this.#limit(Infinity, now);
    if (events.exchangeStart.hasSubscribers && this.#history === noHistory) publishExchange(events.exchangeStart, this);
  }

  // ---- while it runs, told by the driver

  /** The driver will obey this from now on. */
  attach(attempt: Attempt): void {
    this.#attempt = attempt;
  }

  /** A byte of it may leave from now on. */
  sending(): void {
    this.delivery = "maybe-sent";
    if (this.body.kind === "stream") this.progress();
  }

  /** A part of the body has left. */
  progress(): void {
    // The silence of a peer whose reader pauses is ours.
    if (this.phase !== "send" && (this.phase !== "body" || this.#paused)) return;
    this.#limit(this.timeouts.bodyGapMs, performance.now());
  }

  /** The request is fully written. */
  sent(): void {
    const now = performance.now();
    this.timings.sent = now - this.startedAt;
    if (this.phase !== "send") return;
    this.phase = "head";
    this.#limit(this.timeouts.headMs, now);
  }

  /** Returns false when the peer sends more 1xx heads than anybody needs. */
  informational(status: number, headers: Fields): boolean {
    if (++this.#interim > 16) return false;
    if (this.#tooMany(headers, "head")) return true;
    try {
      this.request.source.onInformational?.({ status, headers });
    } catch (error) {
      this.#stop(callerFailed("onInformational", error));
    }
    return true;
  }

  /** The peer promises a response. Undefined if nobody wants it; else `attempt` obeys the push, also after the exchange. */
  pushed(request: PushedExchange["request"], attempt: Attempt): Push | undefined {
    if (this.#over || this.request.source.onPush === undefined) return undefined;
    const push = new Push(this, attempt, this.#host);
    const failure = push.offer(request);
    if (failure !== undefined) this.#stop(failure);
    return push.over ? undefined : push;
  }

  /**
   * The response head. Returns false when the exchange does not want this response: it has too many fields, or was closed
   * idle while the request was under way (408) and goes on another connection.
   */
  head(status: number, headers: Fields): boolean {
    if (this.#over || (status === 408 && this.#retry(closedIdle)) || this.#tooMany(headers, "head")) return false;
    this.delivery = "answered";
    const now = performance.now();
    this.timings.firstByte = now - this.startedAt;
    this.phase = "body";
    this.#limit(this.timeouts.bodyGapMs, now);
    this.#answer = new Answer(status, headers, this);
    if (events.exchangeHead.hasSubscribers) publishExchange(events.exchangeHead, this);
    soon(this, this.#host.multiplexed);
    return true;
  }

  /** Gives the caller its response. */
  handOver(): void {
    const resolve = this.#resolve;
    this.#resolve = this.#reject = undefined;
    resolve?.(responseOf(this, this.#answer as Answer));
    this.#host.settled(this);
  }

  data(chunk: Uint8Array): void {
    // What a peer had sent before it knew comes while its reader pauses; the silence that follows is ours.
    if (!this.#paused) this.#limit(this.timeouts.bodyGapMs, performance.now());
    this.#answer?.body.push(chunk);
  }

  /** The end mark of the protocol was seen. */
  end(trailers: Fields = noFields): void {
    if (this.#over) return;
    // Nothing is left to be stopped, whatever comes of the trailers.
    this.#attempt = undefined;
    if (trailers !== noFields && this.#tooMany(trailers, "body")) return;
    this.#finish(false);
    this.#answer?.end(trailers);
  }

  /** The attempt failed. The exchange goes on another connection if that is safe, else it is over. */
  fail(failure: Failure): void {
    if (this.#over) return;
    this.#attempt = undefined;
    // A refusal takes nothing back: not a head that has come, not an attempt before this one.
    if (failure.refused === true && this.delivery !== "answered" && !this.#history.replayed) this.delivery = "refused";
    if (!this.#retry(failure)) this.#die(this.#error(failure));
  }

  /** The caller's body failed; nothing helps. */
  failBody(cause: unknown): void {
    this.#stop(callerFailed("body", cause, "send"));
  }

  // ---- ended from outside

  /** The caller's signal fired. */
  abort(reason: unknown): void {
    this.#stop(aborted(reason));
  }

  /** A dial failed that it waited for; the error of the dial is told in its own words. */
  dialFailed(error: TransportError): void {
    if (this.#over) return;
    this.#die(dialErrorOf(this, error, this.#history.earlier));
  }

  closed(reason: unknown): void {
    this.#stop(closed(reason));
  }

  expire(now: number): void {
    this.#stop(timeLimit(this, this.#phaseNow(), now, this.#host.dialError(this)));
  }

  // ---- asked by the response body

  get maxBytes(): number {
    return this.#host.maxBodyBytes;
  }

  pause(): void {
    this.#paused = true;
    this.#limit(Infinity, 0);
    this.#attempt?.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#limit(this.timeouts.bodyGapMs, performance.now());
    this.#attempt?.resume();
  }

  cancel(reason: unknown): void {
    if (this.#over) return;
    const attempt = this.#attempt;
    this.#finish(false);
    this.#answer?.end(noFields);
    attempt?.discard(reason);
  }

  /** Its reader wants no body that long. */
  tooLong(maxBytes: number): TransportError {
    const error = this.#error(bodyTooLong(this.request.target.origin, maxBytes));
    if (!this.#over) this.#die(error);
    return error;
  }

  /** Its response was thrown away before its end: nobody will read on. */
  abandoned(): void {
    if (this.#over) return;
    this.#host.leaked(this);
    this.cancel(new DOMException("the response was thrown away unread", "AbortError"));
  }

  // ---- inside

  #stop(failure: Failure): void {
    if (!this.#over) this.#die(this.#error(failure));
  }

  #tooMany(fields: Fields, phase: "head" | "body"): boolean {
    const failure = tooManyFields(fields, this.#host, this.request.target.origin, phase);
    if (failure !== undefined) this.#stop(failure);
    return failure !== undefined;
  }

  #die(error: TransportError): void {
    const attempt = this.#attempt;
    const answered = this.delivery === "answered";
    if (events.exchangeFail.hasSubscribers) publishExchange(events.exchangeFail, this, error);
    this.#finish(true);
    if (answered) this.#answer?.fail(error);
    else {
      this.#reject?.(error);
      this.#host.settled(this);
    }
    attempt?.abort(error);
    this.#host.pushesFail(this, error);
  }

  #finish(failed: boolean): void {
    this.#over = true;
    this.expiresAt = Infinity;
    this.#attempt = undefined;
    const { signal } = this.request.source;
    if (signal !== undefined) forget(signal, this);
    this.body.stop();
    if (!failed) this.timings.end = performance.now() - this.startedAt;
    if (!failed && events.exchangeEnd.hasSubscribers) publishExchange(events.exchangeEnd, this);
    this.#host.over(this, failed);
  }

  /** Puts it back if that is safe. */
  #retry(failure: Failure): boolean {
    const decision = decideReplay({
      code: failure.code,
      // Of this attempt alone: it may go again, though the one before may have been seen.
      delivery: failure.refused === true && this.delivery !== "answered" ? "refused" : this.delivery,
      kept: this.#kept,
      responded: failure.responded === true,
      idempotent: this.request.idempotent,
      bodyAtHand: this.body.atHand,
      ...this.#history,
    });
    if (decision === "fail" || this.connection === undefined) return false;
    const error = this.#error(failure);
    const history = (this.#history = withAttempt(this.#history, decision, error));
    if (events.retry.hasSubscribers) publishExchange(events.retry, this, error, history.earlier.length);
    // A request that was sent once stays sent, whatever becomes of its replay.
    if (!history.replayed) this.delivery = "not-sent";
    this.body.stop();
    this.connection = undefined;
    this.#attempt = undefined;
    this.#interim = 0;
    this.timings = new MutableTimings();
    this.#host.again(this, decision === "replay");
    return true;
  }

  #phaseNow(): Phase {
    return this.phase === "connect" ? this.#host.dialPhase(this) : this.phase;
  }

  #limit(limitMs: number, now: number): void {
    if (this.#over) return;
    this.expiresAt = Math.min(now + limitMs, this.deadlineAt);
    this.#host.limitMoved(this);
  }

  #error(failure: Failure): TransportError {
    return errorOf(this, failure, failure.phase ?? this.#phaseNow(), this.#history.earlier);
  }
}
