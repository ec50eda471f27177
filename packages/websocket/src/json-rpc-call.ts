import type { Attempt, Exchange, Failure } from "@holdfast/pool";
import { bodyNoParams, bodyTooLong, noMethod } from "./errors.ts";
import { isParams, methodOf, writeRequest } from "./json-rpc-message.ts";

/** What a call asks of its connection. */
export interface CallHost {
  readonly maxBodyBytes: number;
  /** Sends it as soon as there is room. */
  ready(call: JsonRpcCall): void;
  /** Nothing of it is left. */
  left(call: JsonRpcCall): void;
}

/**
 * One attempt: an exchange of the pool on one side, a request of JSON-RPC on the other.
 *
 *     collecting ──► ready ──► sent ──► over
 *          └───────────┴─────────────────►
 */
export class JsonRpcCall implements Attempt {
  /** Of the request, once it was sent. */
  id = 0;
  over = false;
  readonly #exchange: Exchange;
  readonly #host: CallHost;
  #method = "";
  #params = "";

  constructor(exchange: Exchange, host: CallHost) {
    this.#exchange = exchange;
    this.#host = host;
  }

  start(): void {
    const { method, target } = this.#exchange.request;
    const name = methodOf(target.path);
    if (method !== "POST" || name === undefined) return this.fail(noMethod());
    this.#method = name;
    const { kind, bytes } = this.#exchange.body;
    if (kind === "none") this.#host.ready(this);
    else if (bytes !== undefined) this.#take([bytes]);
    else void this.#collect();
  }

  /** It is handed to the socket now; the message to send. */
  send(id: number): string {
    this.id = id;
    this.#exchange.sending();
    return writeRequest(id, this.#method, this.#params);
  }

  written(): void {
    if (!this.over) this.#exchange.sent();
  }

  answered(status: number, body: string): void {
    const bytes = Buffer.from(body);
    const headers = { "content-type": "application/json", "content-length": String(bytes.byteLength) };
    this.over = true;
    if (this.#exchange.head(status, Object.assign(Object.create(null), headers))) {
      this.#exchange.data(bytes);
      this.#exchange.end();
    }
    this.#host.left(this);
  }

  fail(failure: Failure): void {
    if (this.over) return;
    this.over = true;
    this.#exchange.fail(failure);
    this.#host.left(this);
  }

  // ---- told by the pool

  /** Its body comes in one piece. */
  pause(): void {}

  resume(): void {}

  abort(): void {
    if (this.over) return;
    this.over = true;
    this.#host.left(this);
  }

  discard(): void {
    this.abort();
  }

  // ---- inside

  async #collect(): Promise<void> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      for await (const chunk of this.#exchange.body.chunks()) {
        if (this.over) return;
        bytes += chunk.byteLength;
        if (bytes > this.#host.maxBodyBytes) return this.fail(bodyTooLong(this.#host.maxBodyBytes));
        chunks.push(chunk);
        this.#exchange.progress();
      }
      this.#take(chunks);
    } catch (error) {
      if (!this.over) this.#exchange.failBody(error);
    }
  }

  /** The body is there. It stands in the message as it is, so it must be what it claims to be. */
  #take(chunks: readonly Uint8Array[]): void {
    if (this.over) return;
    const text = Buffer.concat(chunks).toString();
    if (text !== "" && !isParams(text)) return this.#exchange.failBody(bodyNoParams());
    this.#params = text;
    this.#host.ready(this);
  }
}
