import { waitsFor } from "../waiting.ts";
import type { HostileConnection, HostileExchange, HostileOrigin } from "./hostile.ts";
import { Gone, ignoreGone, type ScriptedServer } from "./scripted-server.ts";

/** What arrived at a hostile origin, and who waits for it. Common to its protocols. */
export class Arrivals implements Pick<HostileOrigin, "arrivals" | "untaken" | "next" | "serve"> {
  readonly arrivals: HostileExchange[] = [];
  readonly #untaken: HostileExchange[] = [];
  #wakes: (() => void)[] = [];
  #over = false;
  #serving = false;

  get untaken(): number {
    return this.#untaken.length;
  }

  add(exchange: HostileExchange): void {
    this.arrivals.push(exchange);
    this.#untaken.push(exchange);
    this.#wake();
  }

  async next(path?: string): Promise<HostileExchange> {
    // Not of the loop that serves whatever comes.
    if (!this.#serving)
      waitsFor(`a request${path === undefined ? "" : ` for ${path}`} to arrive at the hostile origin`);
    for (;;) {
      const at = this.#untaken.findIndex((one) => path === undefined || one.path === path);
      if (at >= 0) {
        const [exchange] = this.#untaken.splice(at, 1) as [HostileExchange];
        if (!this.#serving) waitsFor(`what follows the arrival of the request for ${exchange.path}`);
        return exchange;
      }
      if (this.#over) throw new Gone();
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  serve(answer: (exchange: HostileExchange) => Promise<void> | void = (exchange) => exchange.respond()): void {
    const run = async (): Promise<void> => {
      for (;;) void Promise.resolve(answer(await this.next())).catch(ignoreGone);
    };
    this.#serving = true;
    run().catch(ignoreGone);
  }

  /** Nothing arrives any more. */
  end(): void {
    this.#over = true;
    this.#wake();
  }

  #wake(): void {
    const wakes = this.#wakes;
    this.#wakes = [];
    for (const wake of wakes) wake();
  }
}

/** A server whose script fills `arrivals` and `connections`, as an origin that owns it. */
export function hostileOrigin(
  server: Pick<ScriptedServer<unknown>, "url"> & AsyncDisposable,
  arrivals: Arrivals,
  connections: readonly HostileConnection[],
  breaches: Readonly<Record<string, unknown>> = {},
): HostileOrigin {
  const names = Object.keys(breaches);
  return {
    url: server.url,
    ...(names.length > 0 && { breaches: names }),
    connections,
    arrivals: arrivals.arrivals,
    get untaken() {
      return arrivals.untaken;
    },
    next: (path) => arrivals.next(path),
    serve: (answer) => arrivals.serve(answer),
    [Symbol.asyncDispose]: async () => {
      arrivals.end();
      await server[Symbol.asyncDispose]();
    },
  };
}
