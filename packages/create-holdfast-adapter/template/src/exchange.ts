import type { Attempt, Exchange, Failure } from "@holdfast/pool";
import { toFields } from "@holdfast/transport";
import { bodyPieces, trailersOf } from "./body.ts";
import type { JsonlConnection } from "./connection.ts";
import { lost, protocolError, refusal } from "./errors.ts";
import { decode, type Pairs, type ResponseHead, toPairs } from "./line.ts";

/**
 * One attempt on one connection: lines on one side, the pool's exchange on the other.
 *
 *     waiting ──► headed ──► ended
 *        └──────────┴──────► over     failed, or given up: nothing is reported any more
 */
export class JsonlExchange implements Attempt {
  readonly #exchange: Exchange;
  readonly #connection: JsonlConnection;
  #state: "waiting" | "headed" | "ended" | "over" = "waiting";
  /** All of the request has been handed to the socket. */
  #requestEnded = false;
  #responded = false;

  constructor(exchange: Exchange, connection: JsonlConnection) {
    this.#exchange = exchange;
    this.#connection = connection;
  }

  /** Nothing of it is left on the connection. */
  get complete(): boolean {
    return this.#state === "ended" && this.#requestEnded;
  }

  start(): void {
    // Nothing has left, and nothing will: the pool hears of the end of the connection next, and takes another.
    if (!this.#connection.writable) return;
    const { method, target, headers } = this.#exchange.request;
    // Rather too early than too late: from here on nobody can say that the peer has seen nothing.
    this.#exchange.sending();
    void this.#connection.write({ method, path: target.path, fields: toPairs(headers) });
    void this.#sendBody();
  }

  // ---- told by the connection

  receive(text: string): void {
    if (this.#state === "over") return;
    const line = decode(text);
    this.#responded = true;
    if (line === undefined) this.fail(protocolError("the peer sent what is no line of this protocol"));
    else if ("status" in line) this.#head(line);
    else if ("refused" in line) this.#refused();
    else if (this.#state !== "headed") this.fail(protocolError("the peer sent a body before its head"));
    else if ("data" in line) this.#exchange.data(Buffer.from(line.data, "base64"));
    else this.#end(line.end);
  }

  /** The connection is gone. Whatever came before: only the line `end` ends a response. */
  lost(cause: Error | undefined): void {
    this.fail(lost(cause, { headSeen: this.#state === "headed", responded: this.#responded }));
  }

  /** It cannot go on, and neither can the connection. */
  fail(failure: Failure): void {
    if (this.#stopped) return;
    this.#state = "over";
    this.#connection.destroy();
    this.#exchange.fail(failure);
  }

  // ---- told by the pool

  pause(): void {
    this.#connection.pause();
  }

  resume(): void {
    this.#connection.resume();
  }

  abort(): void {
    this.#state = "over";
    this.#connection.destroy();
  }

  discard(): void {
    // A new connection costs less than reading a body that nobody wants, and that may be long.
    this.abort();
  }

  // ---- the request

  async #sendBody(): Promise<void> {
    const { body, request } = this.#exchange;
    let trailers: Pairs = [];
    try {
      // A request without body and trailers is complete in the same step, and leaves with its head.
      if (body.kind !== "none") await this.#sendPieces();
      if (request.source.trailers !== undefined && !this.#stopped) trailers = await trailersOf(request);
    } catch (error) {
      if (!this.#stopped) this.#exchange.failBody(error);
      return;
    }
    if (this.#stopped) return;
    void this.#connection.write({ end: trailers });
    this.#requestEnded = true;
    this.#exchange.sent();
  }

  /** Each piece when the one before has left, so that a slow peer slows the caller down. */
  async #sendPieces(): Promise<void> {
    const { body, request } = this.#exchange;
    for await (const piece of bodyPieces(body, request.headers)) {
      if (this.#stopped) return;
      await this.#connection.write({ data: piece.toString("base64") });
      if (!this.#stopped) this.#exchange.progress();
    }
  }

  /** Whatever it has still to send is not wanted any more. */
  get #stopped(): boolean {
    return this.#state === "over" || this.#state === "ended";
  }

  // ---- the response

  #head({ status, fields, last = false }: ResponseHead): void {
    if (this.#state !== "waiting" || status < 100 || status > 599 || status === 101) {
      return this.fail(protocolError("the peer sent a head that has no place"));
    }
    if (status < 200) {
      if (!this.#exchange.informational(status, toFields(fields))) {
        this.fail(protocolError("more interim responses than anybody needs"));
      }
      return;
    }
    this.#state = "headed";
    if (last) this.#connection.owner.drains("the peer said that this exchange is the last");
    if (!this.#exchange.head(status, toFields(fields))) this.abort();
  }

  #refused(): void {
    if (this.#state !== "waiting") return this.fail(protocolError("the peer refused what it had answered"));
    this.#ended();
    this.#exchange.fail(refusal());
  }

  #end(trailers: Pairs): void {
    this.#ended();
    this.#exchange.end(toFields(trailers));
  }

  #ended(): void {
    this.#state = "ended";
    // The rest of the request would be read as the next one.
    if (!this.#requestEnded) this.#connection.destroy();
  }
}
