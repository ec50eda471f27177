import { type DialledSocket, factsOf, momentsOf } from "@holdfast/dial";
import type { ConnectionOwner, DialTimes, DriverConnection, Exchange } from "@holdfast/pool";
import type { Target } from "@holdfast/transport";
import { type buildConnector, Client } from "undici";
import { Http1Exchange } from "./exchange.ts";

/**
 * One socket and the undici `Client` that speaks on it. The Client has this one connection: when the socket is gone, what
 * it was about to send fails unsent, and the pool sends it elsewhere.
 *
 *     dialled ──► attached ──► closed
 *
 * undici takes the socket with the first request; until then we watch it ourselves.
 */
export class Http1Connection implements DriverConnection {
  readonly capacity = 1;
  readonly times: DialTimes;
  readonly facts: DriverConnection["facts"];
  readonly owner: ConnectionOwner;
  /**
   * The first error that the socket itself reported: undici hides the end of a body that has no length behind a normal one,
   * and a TLS alert behind an error of its own.
   */
  socketError: Error | undefined;
  /** It has been there after an exchange, so the peer keeps it. */
  outlives = false;
  readonly #client: Client;
  readonly #socket: DialledSocket["socket"];
  readonly #servername: string;
  #attached = false;

  constructor(target: Target, dialled: DialledSocket, owner: ConnectionOwner, options: Client.Options) {
    const { socket } = dialled;
    this.owner = owner;
    this.times = momentsOf(dialled);
    this.facts = factsOf(dialled);
    this.#socket = socket;
    this.#servername = target.hostname;
    this.#client = new Client(target.origin, { ...options, connect: (_, attach) => this.#attach(attach) });
    this.#client.on("disconnect", (_origin, _targets, error) => owner.closed(error));
    socket.on("error", (error) => {
      this.socketError ??= error;
    });
    socket.on("close", () => {
      if (!this.#attached) owner.closed(this.socketError);
    });
  }

  get lost(): boolean {
    return this.#socket.destroyed;
  }

  /** The peer said that this exchange is the last. */
  ends(): void {
    this.outlives = false;
    this.owner.drains("Connection: close");
  }

  run(exchange: Exchange): void {
    const http1Exchange = new Http1Exchange(exchange, this);
    exchange.attach(http1Exchange);
    this.#client.dispatch(http1Exchange.dispatchOptions(this.#servername), http1Exchange);
  }

  close(): void {
    this.destroy();
  }

  destroy(reason?: unknown): void {
    const error = reason instanceof Error ? reason : undefined;
    void this.#client.destroy(error ?? null);
    if (!this.#attached) this.#socket.destroy();
  }

  hold(alive: boolean): void {
    // Once attached, undici does it.
    if (this.#attached) return;
    if (alive) {
      this.#socket.ref();
      this.#socket.off("readable", this.#spoiled);
    } else {
      this.#socket.unref();
      this.#socket.on("readable", this.#spoiled);
    }
  }

  /** A server that speaks first, or hangs up, has nothing to say that we could use. */
  #spoiled = (): void => {
    this.#socket.destroy();
  };

  #attach(attach: buildConnector.Callback): void {
    // undici goes on only if it is called back in a later step.
    queueMicrotask(() => {
      if (this.#attached || this.#socket.destroyed)
        // An error of our own: given one of its own codes, undici would not fail the request but connect again, for ever.
        return attach(new Error("the connection is gone", { cause: this.socketError }), null);
      this.#attached = true;
      attach(null, this.#socket);
    });
  }
}
