import {
  BodyBuffer,
  BodyReader,
  events,
  noFields,
  TransportError,
  type BodySource,
  type CheckedRequest,
  type ConnectionInfo,
  type EventChannel,
  type ExchangeEvent,
  type Fields,
  type Timings,
  type TransportErrorFacts,
  type TransportResponse,
} from "@holdfast/transport";
import { RequestBody, ResponsePump } from "./body.ts";
import {
  aborted,
  badResponse,
  bodyTimeout,
  callerFailed,
  deadlineExceeded,
  handlerFailed,
  headTimeout,
  queueTimeout,
  tooLong,
  tooManyFields,
  truncated,
  type Failure,
} from "./errors.ts";
import {
  checkedFields,
  checkHead,
  fieldLines,
  gatherFields,
  type MemoryHandler,
  type MemoryResponse,
} from "./handler.ts";
import { maxTimerMs, withTimeouts, type Settings } from "./options.ts";

/** How an exchange gave its place back. */
export type Outcome = "ended" | "failed" | "leaked";

type Settle = Pick<PromiseWithResolvers<TransportResponse>, "resolve" | "reject">;
type State = "queued" | "sending" | "waiting" | "answered" | "done";

/** Where a failure finds an exchange, and what the handler can have seen of it. */
const facts: Readonly<Record<State, Pick<TransportErrorFacts, "phase" | "delivery">>> = {
  queued: { phase: "queue", delivery: "not-sent" },
  sending: { phase: "send", delivery: "maybe-sent" },
  waiting: { phase: "head", delivery: "maybe-sent" },
  answered: { phase: "body", delivery: "answered" },
  done: { phase: "body", delivery: "answered" },
};

let exchanges = 0;

/**
 * One request and its response, from the moment it was accepted.
 *
 *     queued ──► sending ──► waiting ──► answered ──► done
 *        │          │ └──────────┼──────────▲           ▲
 *        └──────────┴────────────┴──────────────────────┘ fail()
 *
 * It owns two timers (the deadline, and the limit of the phase it is in), one listener on the caller's signal, and both
 * bodies; `#finish` releases all of them, whatever the way it came.
 */
export class Exchange implements BodySource {
  readonly request: CheckedRequest;
  readonly maxBytes: number;
  readonly #settings: Settings;
  readonly #released: (exchange: Exchange, outcome: Outcome) => void;
  readonly #startedAt = performance.now();
  readonly #number = ++exchanges;
  readonly #gone = new AbortController();
  readonly #body = new BodyBuffer(this);
  readonly #requestBody: RequestBody;
  readonly #requestTrailers = Promise.withResolvers<Fields>();
  readonly #responseTrailers = Promise.withResolvers<Fields>();
  readonly #timings: { -readonly [K in keyof Timings]: Timings[K] } = { queued: 0, firstByte: 0 };
  #state: State = "queued";
  #connection: ConnectionInfo | undefined;
  #status: number | undefined;
  #settle: Settle | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #phase: NodeJS.Timeout | undefined;
  #pump: ResponsePump | undefined;

  /** `settle` is for the response's head; `released` is called once, when the exchange no longer needs its place. */
  constructor(
    request: CheckedRequest,
    settings: Settings,
    settle: Settle,
    released: (exchange: Exchange, outcome: Outcome) => void,
  ) {
    const { source, target } = request;
    const timeouts = withTimeouts(settings.timeouts, source.timeouts);
    this.request = request;
    this.maxBytes = settings.bodyBytes;
    this.#settings = { ...settings, timeouts };
    this.#released = released;
    this.#settle = settle;
    // Whoever ignores the trailers shall not learn of a failure by a crash.
    this.#requestTrailers.promise.catch(() => {});
    this.#responseTrailers.promise.catch(() => {});
    this.#requestBody = new RequestBody(request.body, declaredBytes(request.headers), {
      progress: () => {
        if (this.#state === "sending") this.#phase?.refresh();
      },
      over: (complete) => this.#requestOver(complete),
      failed: (error) => this.fail(callerFailed(target.origin, "body", error)),
    });
    const deadlineMs = source.deadlineMs ?? 60_000;
    this.#deadline = this.#timer(deadlineMs, () => deadlineExceeded(target.origin, deadlineMs));
    this.#phase = this.#timer(timeouts.queueMs, () => queueTimeout(target.origin, timeouts.queueMs));
    source.signal?.addEventListener("abort", this.#onAbort);
    this.#publish(events.exchangeQueue);
  }

  get over(): boolean {
    return this.#state === "done";
  }

  /** The exchange has its place: hand it to the handler. */
  start(handler: MemoryHandler, connection: ConnectionInfo): void {
    const { target, method, headers, body, source } = this.request;
    const { origin } = target;
    this.#connection = connection;
    this.#timings.queued = this.#elapsed();
    this.#publish(events.exchangeStart);
    // Who listens may have ended it.
    if (this.over) return;
    this.#enter("sending", this.#settings.timeouts.bodyGapMs, (ms) => bodyTimeout(origin, "request", ms));
    if (body.kind !== "stream") this.#requestOver(true);
    const answer = new Promise<MemoryResponse>((resolve) => {
      resolve(
        handler({
          method,
          url: new URL(origin + target.path),
          headers: gatherFields(headers),
          body: this.#requestBody,
          trailers: this.#requestTrailers.promise,
          signal: this.#gone.signal,
          informational: (status, fields = noFields) => {
            if (this.#state === "sending" || this.#state === "waiting")
              this.#inform(source.onInformational, status, fields);
          },
        }),
      );
    });
    answer.then(
      (response) => this.#answer(response),
      (error: unknown) => this.fail(handlerFailed(origin, error)),
    );
  }

  /** Ends the exchange early; does nothing if it is done. */
  fail(failure: Failure): void {
    if (this.#state !== "done") this.#end("failed", this.#error(failure));
  }

  /** {@link BodySource}: the reader is behind, so the silence is not the handler's. */
  pause(): void {
    this.#pump?.pause();
    clearTimeout(this.#phase);
  }

  resume(): void {
    this.#expectChunk();
    this.#pump?.resume();
  }

  cancel(reason: unknown): void {
    if (this.#state !== "answered") return;
    if (reason instanceof TransportError && reason.code === "LIMIT_EXCEEDED") this.#end("failed", reason);
    else this.#giveUp("ended", reason);
  }

  tooLong(maxBytes: number): TransportError {
    return this.#error(tooLong(this.request.target.origin, maxBytes));
  }

  /** The response was garbage collected: nobody will read on. */
  leak(): void {
    if (this.#state !== "answered") return;
    warnOnce(this.request.target.origin);
    this.#giveUp("leaked", new DOMException("the response was thrown away unread", "AbortError"));
  }

  readonly #onAbort = (): void => this.fail(aborted(this.request.target.origin, this.request.source.signal?.reason));

  #requestOver(complete: boolean): void {
    const { origin } = this.request.target;
    if (complete) {
      this.#timings.sent = this.#elapsed();
      this.#sendTrailers().then(this.#requestTrailers.resolve, (error: unknown) => {
        this.#requestTrailers.reject(error);
        this.fail(callerFailed(origin, "trailers", error));
      });
    }
    if (this.#state === "sending")
      this.#enter("waiting", this.#settings.timeouts.headMs, (ms) => headTimeout(origin, ms));
  }

  async #sendTrailers(): Promise<Fields> {
    const { trailers } = this.request.source;
    return trailers === undefined ? noFields : checkedFields(await trailers());
  }

  #inform(listener: CheckedRequest["source"]["onInformational"], status: number, fields: Fields): void {
    const headers = checkHead(status, 100, fields);
    if (this.#tooMany(headers, "a head")) return;
    try {
      listener?.({ status, headers });
    } catch (error) {
      this.fail(callerFailed(this.request.target.origin, "onInformational", error));
    }
  }

  #answer(response: MemoryResponse): void {
    const { target, method } = this.request;
    let fields: Fields;
    try {
      this.#pump = new ResponsePump(response.body);
      fields = checkHead(response.status ?? 200, 200, response.headers ?? noFields);
    } catch (error) {
      this.fail(badResponse(target.origin, error));
      return;
    }
    const { status = 200, trailers } = response;
    // A response to HEAD, 204 and 304 have no body, whatever the handler gave (RFC 9110, 6.4.1).
    if (this.#state === "done" || method === "HEAD" || status === 204 || status === 304) this.#pump.stop();
    if (this.#state === "done" || this.#tooMany(fields, "a head")) return;
    this.#timings.firstByte = this.#elapsed();
    this.#status = status;
    this.#enter("answered");
    this.#expectChunk();
    this.#publish(events.exchangeHead);
    this.#handOver(status, fields);
    this.#receive(this.#pump, trailers).catch((error: unknown) => this.fail(truncated(target.origin, error)));
  }

  // Apart from what goes on until the body has ended, because nothing of that may keep the response from being collected.
  #handOver(status: number, headers: Fields): void {
    const body = new BodyReader(this.#body);
    thrownAway.register(body, this, this);
    this.#settle?.resolve({
      status,
      headers,
      body,
      trailers: this.#responseTrailers.promise,
      connection: this.#connection as ConnectionInfo,
      timings: this.#timings,
      [Symbol.asyncDispose]: () => body.cancel(),
    });
    this.#settle = undefined;
  }

  async #receive(pump: ResponsePump, trailers: MemoryResponse["trailers"]): Promise<void> {
    if (!pump.stopped) {
      await pump.run((chunk) => {
        this.#body.push(chunk);
        if (!pump.paused) this.#phase?.refresh();
      });
    }
    const fields = trailers === undefined || this.#state === "done" ? noFields : checkedFields(await trailers());
    if (this.#state === "done" || this.#tooMany(fields, "trailers")) return;
    this.#responseTrailers.resolve(fields);
    this.#end("ended");
  }

  #tooMany(fields: Fields, what: "a head" | "trailers"): boolean {
    const { maxFields } = this.#settings;
    if (fieldLines(fields) <= maxFields) return false;
    this.fail(tooManyFields(this.request.target.origin, what, maxFields));
    return true;
  }

  /** The reader wants no more. */
  #giveUp(outcome: Outcome, reason: unknown): void {
    this.#responseTrailers.resolve(noFields);
    this.#end(outcome, undefined, reason);
  }

  #end(outcome: Outcome, error?: TransportError, reason: unknown = error): void {
    const over = reason ?? new DOMException("the exchange is over", "AbortError");
    const called = this.#state !== "queued";
    this.#state = "done";
    clearTimeout(this.#deadline);
    clearTimeout(this.#phase);
    thrownAway.unregister(this);
    this.request.source.signal?.removeEventListener("abort", this.#onAbort);
    this.#timings.end = this.#elapsed();
    if (reason !== undefined) this.#gone.abort(reason);
    this.#requestBody.stop(over, called);
    this.#requestTrailers.reject(over);
    this.#pump?.stop();
    if (error === undefined) this.#body.end();
    else {
      this.#settle?.reject(error);
      this.#settle = undefined;
      this.#body.fail(error);
      this.#responseTrailers.reject(error);
    }
    this.#publish(error === undefined ? events.exchangeEnd : events.exchangeFail, error);
    this.#released(this, outcome);
  }

  #enter(state: State, limitMs = Infinity, failure?: (ms: number) => Failure): void {
    clearTimeout(this.#phase);
    this.#state = state;
    this.#phase = failure && this.#timer(limitMs, failure);
  }

  #expectChunk(): void {
    const { bodyGapMs } = this.#settings.timeouts;
    clearTimeout(this.#phase);
    this.#phase = this.#timer(bodyGapMs, (ms) => bodyTimeout(this.request.target.origin, "response", ms));
  }

  #timer(ms: number, failure: (ms: number) => Failure): NodeJS.Timeout | undefined {
    return ms > maxTimerMs ? undefined : setTimeout(() => this.fail(failure(ms)), ms);
  }

  #error({ code, message, ...cause }: Failure): TransportError {
    const { target, source } = this.request;
    return new TransportError(code, message, {
      ...facts[this.#state],
      protocol: "memory",
      origin: target.origin,
      attempt: source.attempt ?? 1,
      reused: this.#connection?.reused ?? false,
      elapsedMs: this.#elapsed(),
      ...cause,
    });
  }

  #elapsed(): number {
    return performance.now() - this.#startedAt;
  }

  #publish(channel: EventChannel<ExchangeEvent>, error?: TransportError): void {
    if (!channel.hasSubscribers) return;
    const { method, target } = this.request;
    channel.publish({
      exchange: this.#number,
      "http.request.method": method,
      "server.address": target.hostname,
      "server.port": target.port,
      "url.scheme": target.scheme.slice(0, -1),
      "network.protocol.name": "memory",
      ...(this.#connection && { connection: this.#connection.id }),
      ...(this.#status !== undefined && { "http.response.status_code": this.#status }),
      ...(this.#status !== undefined && this.#timings.end !== undefined && { timings: this.#timings }),
      ...(error && { "error.type": error.code, error }),
    });
  }
}

/** By content-length; names are at the even places. */
function declaredBytes(headers: readonly string[]): number | undefined {
  const at = headers.findIndex((text, i) => i % 2 === 0 && text === "content-length");
  return at < 0 ? undefined : Number(headers[at + 1]);
}

const thrownAway = new FinalizationRegistry<Exchange>((exchange) => exchange.leak());

let warned = false;

function warnOnce(origin: string): void {
  if (warned || process.env["NODE_ENV"] === "production") return;
  warned = true;
  const message = `a response of ${origin} was thrown away unread; read, cancel or dispose every response`;
  process.emitWarning(message, { type: "HoldfastWarning", code: "HOLDFAST_RESPONSE_LEAKED" });
}
