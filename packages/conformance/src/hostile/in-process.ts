import type { Fields } from "@holdfast/transport";
import type { OriginHandler, OriginRequest, OriginResponse } from "../origin/origin.ts";
import { Arrivals } from "./arrivals.ts";
import { type Fault, inexpressible } from "./fault.ts";
import type { Hostile, HostileConnection, HostileExchange, HostileOrigin } from "./hostile.ts";

const faults: ReadonlySet<Fault> = new Set<Fault>(["open-body", "end-mark", "trailers", "reset"]);
const protocol = "in process";

export interface InProcessHostile extends Hostile {
  /** Whether a URL is one of its origins. */
  has(url: URL): boolean;
  /** Handles the requests for all its origins. */
  readonly handler: OriginHandler;
}

/** Hostile origins without a socket: hand what `has` knows to `handler`. */
export function inProcessHostile(): InProcessHostile {
  const origins = new Map<string, Arrivals>();
  let made = 0;
  return {
    protocol,
    faults,
    has: (url) => origins.has(url.origin),
    handler: (request) => arrive(request, origins.get(request.url.origin) as Arrivals),
    listen: async ({ maxExchanges, creditBytes } = {}) => {
      if (maxExchanges !== undefined) inexpressible(protocol, "limit");
      if (creditBytes !== undefined) inexpressible(protocol, "credit");
      const url = `http://hostile-${++made}.example`;
      const arrivals = new Arrivals();
      origins.set(url, arrivals);
      return originOf(url, arrivals, () => origins.delete(url));
    },
  };
}

function originOf(url: string, arrivals: Arrivals, forget: () => void): HostileOrigin {
  return {
    url,
    connections: [],
    arrivals: arrivals.arrivals,
    get untaken() {
      return arrivals.untaken;
    },
    next: (path) => arrivals.next(path),
    serve: (answer) => arrivals.serve(answer),
    [Symbol.asyncDispose]: async () => {
      arrivals.end();
      forget();
    },
  };
}

const refusesTo = (fault: Fault) => (): never => inexpressible(protocol, fault);

/** There is none, so there is nothing that could be done to it. */
const connection: HostileConnection = {
  open: 0,
  maxOpen: 0,
  closed: new Promise(() => {}),
  fin: refusesTo("cut"),
  rst: refusesTo("cut"),
  goodbye: refusesTo("goodbye"),
  limit: refusesTo("limit"),
  violate: refusesTo("violation"),
};

function arrive({ method, url, body, signal }: OriginRequest, arrivals: Arrivals): Promise<OriginResponse> {
  const answer = Promise.withResolvers<OriginResponse>();
  const parts = new Parts();
  let trailers: Fields = {};
  let received: Promise<Buffer> | undefined;
  const exchange: HostileExchange = {
    method,
    path: url.pathname,
    connection,
    receivedBytes: 0,
    takesPush: false,
    abandoned: new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true })),
    body: () => (received ??= collect(body)),
    head: async ({ length, last = false } = {}) => {
      if (last) inexpressible(protocol, "last");
      const headers = length === undefined ? {} : { "content-length": String(length) };
      answer.resolve({ headers, body: parts.read(), trailers: () => trailers });
    },
    send: async (bytes) => {
      const sent = Buffer.from(bytes);
      parts.add(sent);
      return sent.byteLength;
    },
    finish: async (late = {}) => {
      trailers = late;
      parts.end();
    },
    respond: async (text = "ok") => answer.resolve({ body: text }),
    reset: async (reason) => {
      const error = new Error(`reset: ${reason}`);
      answer.reject(error);
      parts.end(error);
    },
    halfHead: refusesTo("half-head"),
    refuse: refusesTo("refuse"),
    giveCredit: refusesTo("credit"),
    push: refusesTo("push"),
  };
  arrivals.add(exchange);
  return answer.promise;
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A body that is told piece by piece, and how it ends. */
class Parts {
  readonly #parts: Uint8Array[] = [];
  #end: { readonly error: Error | undefined } | undefined;
  #wake: () => void = () => {};

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#wake();
  }

  end(error?: Error): void {
    this.#end ??= { error };
    this.#wake();
  }

  async *read(): AsyncGenerator<Uint8Array, undefined> {
    for (;;) {
      const part = this.#parts.shift();
      if (part !== undefined) yield part;
      else if (this.#end?.error !== undefined) throw this.#end.error;
      else if (this.#end !== undefined) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
