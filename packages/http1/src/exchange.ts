import { type Attempt, type Exchange, type HandOver, soon } from "@holdfast/pool";
import type { Dispatcher } from "undici";
import { framingOf, requestBody, slicedLength } from "./body.ts";
import type { Http1Connection } from "./connection.ts";
import { failureOf, protocolError, truncated } from "./errors.ts";
import { toResponseFields } from "./fields.ts";
import { parseKeepAlive } from "./keep-alive.ts";

type Headers = Record<string, string | string[] | undefined>;

/** What is read of a body that nobody wants, rather than losing the connection with it. */
const maxDiscardBytes = 65_536;
const maxDiscardMs = 100;

/**
 * One attempt on one connection: undici's handler on one side, the pool's exchange on the other.
 *
 *     dispatched ──► started ──► responding ──► done
 *          └────────────┴────────────┴────────► failed
 */
export class Http1Exchange implements Attempt, HandOver, Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #connection: Http1Connection;
  #controller: Dispatcher.DispatchController | undefined;
  /** Given up by the pool: nothing is reported any more. */
  #over = false;
  #sent = false;
  #responded = false;
  #headSeen = false;
  #unframed = false;
  #discarded: { left: number; readonly timer: NodeJS.Timeout } | undefined;

  constructor(exchange: Exchange, connection: Http1Connection) {
    this.#exchange = exchange;
    this.#connection = connection;
  }

  /** Nobody waits for it any more. */
  get over(): boolean {
    return this.#over || this.#exchange.over;
  }

  dispatchOptions(servername: string): Dispatcher.DispatchOptions {
    const { method, target, headers } = this.#exchange.request;
    const length = slicedLength(this.#exchange);
    return {
      path: target.path,
      method,
      headers: length === undefined ? (headers as string[]) : withLength(headers, length),
      body: requestBody(this.#exchange, this) as Dispatcher.DispatchOptions["body"],
      // undici would close after HEAD, and after a body that the method does not call for. The last exchange says so itself.
      reset: this.#exchange.connection?.state === "draining",
      servername,
    } as Dispatcher.DispatchOptions;
  }

  // ---- told by undici

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown before a byte was written, this costs the request alone, and not the connection.
    if (this.#over) throw new Error("the caller gave up");
    this.#controller = controller;
    this.#exchange.sending();
  }

  onBodySent(): void {
    if (!this.#over) this.#exchange.progress();
  }

  onRequestSent(): void {
    this.#sent = true;
    if (!this.#over) this.#exchange.sent();
  }

  onResponseStarted(): void {
    this.#responded = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (this.#over) return;
    if (status < 100 || status > 599) return this.#reject(protocolError(`the status ${status} is not one of HTTP`));
    const fields = toResponseFields(headers);
    if (status < 200) {
      if (!this.#exchange.informational(status, fields)) this.#reject(protocolError("more than 16 interim responses"));
      return;
    }
    this.#headSeen = true;
    const framing = framingOf(this.#exchange.request.method, status, fields);
    if (framing === "unknown")
      return this.#reject(protocolError("the response has a transfer coding other than chunked"));
    this.#unframed = framing === "connection";
    const hint = fields["keep-alive"];
    const connection = fields["connection"];
    if (connection !== undefined && connection !== "keep-alive" && /\bclose\b/i.test(String(connection)))
      this.#connection.ends();
    if (hint !== undefined) this.#connection.owner.keepAlive(parseKeepAlive(hint));
    if (!this.#exchange.head(status, fields)) {
      this.#over = true;
      controller.abort(new Error("the response was closed idle"));
    }
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#discarded === undefined) return this.#exchange.data(chunk);
    this.#discarded.left -= chunk.byteLength;
    if (this.#discarded.left < 0) this.#cut(new Error("the rest of the body is too long to be read unwanted"));
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: Headers): void {
    clearTimeout(this.#discarded?.timer);
    if (!this.#over) {
      if (this.#unframed && this.#connection.socketError !== undefined) {
        return this.#exchange.fail(truncated(this.#connection.socketError));
      }
      this.#exchange.end(trailers === undefined ? undefined : toResponseFields(trailers));
    }
    this.#free();
  }

  onResponseError(_: Dispatcher.DispatchController | undefined, error: Error): void {
    clearTimeout(this.#discarded?.timer);
    if (!this.#over) {
      this.#over = true;
      this.#exchange.fail(
        failureOf(error, {
          headSeen: this.#headSeen,
          responded: this.#responded,
          socketError: this.#connection.socketError,
        }),
      );
    }
    // Never started: the connection was not touched, if it is there.
    if (this.#controller === undefined) this.#free();
  }

  // ---- told by the pool

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(reason: unknown): void {
    this.#over = true;
    this.#controller?.abort(reason instanceof Error ? reason : new Error("aborted"));
  }

  discard(reason: unknown): void {
    this.#over = true;
    // What is there of the body must not look like the whole of it (RFC 9112, 8).
    if (!this.#sent) return this.#cut(reason);
    const timer = setTimeout(() => this.#cut(reason), maxDiscardMs).unref();
    this.#discarded = { left: maxDiscardBytes, timer };
    this.#controller?.resume();
  }

  // ---- inside

  #reject(failure: ReturnType<typeof protocolError>): void {
    this.#over = true;
    this.#exchange.fail(failure);
    this.#controller?.abort(new Error(failure.message));
  }

  #cut(reason: unknown): void {
    clearTimeout(this.#discarded?.timer);
    this.#controller?.abort(reason instanceof Error ? reason : new Error("cancelled"));
  }

  /**
   * undici closes a connection that cannot be used again, but only after it has told of the end. So look after that, unless
   * the connection has outlived an exchange before and nothing says that this one is its last.
   */
  #free(): void {
    if (this.#connection.outlives && this.#sent) return this.handOver();
    soon(this);
  }

  handOver(): void {
    const { owner, lost } = this.#connection;
    if (lost) owner.drains("the connection has ended");
    else this.#connection.outlives = true;
    owner.freed();
  }
}

function withLength(headers: readonly string[], length: number): string[] {
  const declared = headers.some((name, i) => i % 2 === 0 && name === "content-length");
  return declared ? headers.slice() : [...headers, "content-length", String(length)];
}
