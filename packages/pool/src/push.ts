import {
  BodyBuffer,
  BodyReader,
  type BodySource,
  type Fields,
  type Phase,
  type PushedExchange,
  type TransportError,
} from "@holdfast/transport";
import { type Abortable, forget, heed } from "./abort-hub.ts";
import type { Attempt, Failure } from "./driver.ts";
import { aborted, callerFailed, closed, deadlineExceeded, errorOf, phaseTimeout } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import type { PushHost } from "./push-host.ts";
import { bodyTooLong, tooManyFields } from "./response-limits.ts";
import type { Expiring } from "./watch.ts";

/**
 * A response that the peer pushes, from its promise to the end of its body. It has the signal, the deadline and the timeouts
 * of the exchange that it was promised for, and outlives that unless it fails; whoever has not begun to read its body within
 * `bodyGapMs` has let it be. The driver reports `informational`, `head`, `data`, `end` and `fail`, as to an exchange.
 *
 *     promised ──► answered ──► over
 *         └───────────────────►
 */
export class Push implements BodySource, Abortable, Expiring {
  /** What it was promised for. */
  readonly main: Exchange;
  expiresAt: number = Infinity;
  watchSlot: number = -1;
  signalSlot: number = -1;
  readonly #attempt: Attempt;
  readonly #host: PushHost;
  readonly #body: BodyBuffer;
  readonly #status: PromiseWithResolvers<number> = Promise.withResolvers();
  readonly #headers: PromiseWithResolvers<Fields> = Promise.withResolvers();
  readonly #takenBy: number;
  #limitAt = Infinity;
  #phase: Phase = "head";
  #paused = false;
  #over = false;
  #interim = 0;

  constructor(main: Exchange, attempt: Attempt, host: PushHost) {
    const now = performance.now();
    const { signal } = main.request.source;
    this.main = main;
    this.#attempt = attempt;
    this.#host = host;
    this.#body = new BodyBuffer(this);
    this.#takenBy = now + main.timeouts.bodyGapMs;
    // Whoever does not ask for the head is not told that there was none.
    this.#status.promise.catch(() => {});
    this.#headers.promise.catch(() => {});
    if (signal !== undefined) heed(signal, this);
    host.pushBegun(this);
    this.#limit(main.timeouts.headMs, now);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Hands it to the caller. Returns why the exchange fails if `onPush` throws. */
  offer(request: PushedExchange["request"]): Failure | undefined {
    const [status, headers, body] = [this.#status.promise, this.#headers.promise, new BodyReader(this.#body)];
    try {
      this.main.request.source.onPush?.({ request, status, headers, body });
    } catch (error) {
      return callerFailed("onPush", error);
    }
    return undefined;
  }

  // ---- told by the driver

  /** Returns false when the peer sends more 1xx heads than anybody needs. */
  informational(): boolean {
    return ++this.#interim <= 16;
  }

  /** Returns false when nobody wants this response. */
  head(status: number, headers: Fields): boolean {
    const failure = tooManyFields(headers, this.#host, this.main.request.target.origin, "head");
    if (failure !== undefined) this.fail(failure);
    if (this.#over) return false;
    this.#phase = "body";
    this.#limit(this.main.timeouts.bodyGapMs, performance.now());
    this.#status.resolve(status);
    this.#headers.resolve(headers);
    return true;
  }

  data(chunk: Uint8Array): void {
    if (!this.#paused) this.#limit(this.main.timeouts.bodyGapMs, performance.now());
    this.#body.push(chunk);
  }

  end(): void {
    if (this.#over) return;
    this.#finish();
    this.#body.end();
  }

  fail(failure: Failure): void {
    if (!this.#over) this.#die(this.#error(failure));
  }

  // ---- ended from outside

  /** The exchange that it was promised for failed. */
  mainFailed(error: TransportError): void {
    if (!this.#over) this.#die(error);
  }

  /** The caller's signal fired. */
  abort(reason: unknown): void {
    this.fail(aborted(reason));
  }

  closed(reason: unknown): void {
    this.fail(closed(reason));
  }

  expire(now: number): void {
    if (now >= this.main.deadlineAt) return this.fail(deadlineExceeded(this.main, this.#phase));
    if (now >= this.#limitAt) return this.fail(phaseTimeout(this.main, this.#phase));
    if (now >= this.#takenBy && !this.#body.used) return this.fail(this.#leftAlone());
    this.#rearm();
  }

  // ---- asked by the body

  get maxBytes(): number {
    return this.#host.maxBodyBytes;
  }

  pause(): void {
    this.#paused = true;
    this.#limit(Infinity, 0);
    this.#attempt.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#limit(this.main.timeouts.bodyGapMs, performance.now());
    this.#attempt.resume();
  }

  cancel(reason: unknown): void {
    if (this.#over) return;
    const error = this.#error(aborted(reason));
    this.#finish();
    // Without effect on a head that has come.
    this.#status.reject(error);
    this.#headers.reject(error);
    this.#attempt.discard(reason);
  }

  tooLong(maxBytes: number): TransportError {
    return this.#error(bodyTooLong(this.main.request.target.origin, maxBytes));
  }

  // ---- inside

  #die(error: TransportError): void {
    this.#finish();
    this.#status.reject(error);
    this.#headers.reject(error);
    this.#body.fail(error);
    this.#attempt.abort(error);
  }

  #finish(): void {
    this.#over = true;
    const { signal } = this.main.request.source;
    if (signal !== undefined) forget(signal, this);
    this.#host.pushOver(this);
  }

  #limit(limitMs: number, now: number): void {
    if (this.#over) return;
    this.#limitAt = now + limitMs;
    this.#rearm();
  }

  #rearm(): void {
    const takenBy = this.#body.used ? Infinity : this.#takenBy;
    this.expiresAt = Math.min(this.#limitAt, takenBy, this.main.deadlineAt);
    this.#host.pushLimitMoved(this);
  }

  #leftAlone(): Failure {
    const { bodyGapMs } = this.main.timeouts;
    return {
      code: "BODY_TIMEOUT",
      message: `nobody began to read the pushed body within ${bodyGapMs} ms (timeouts.bodyGapMs)`,
    };
  }

  #error(failure: Failure): TransportError {
    return errorOf(this.main, failure, failure.phase ?? this.#phase, []);
  }
}
