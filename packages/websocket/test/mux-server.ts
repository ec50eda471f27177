import {
  type Answering,
  answerOver,
  type AnswerOptions,
  type ExchangeHandler,
  muxSubprotocol,
  socketPipe,
} from "@holdfast/exchange";
import type { WebSocket } from "ws";
import { type SocketServer, socketServer } from "./socket-server.ts";

export interface MuxServer extends SocketServer {
  /** The answering ends, in the order of their sockets. */
  readonly ends: readonly Answering[];
  /** The sockets under them. */
  readonly accepted: readonly WebSocket[];
}

/** Answers exchanges on sockets of their sub-protocol. */
export async function muxServer(handler: ExchangeHandler, options: AnswerOptions = {}): Promise<MuxServer> {
  const ends: Answering[] = [];
  const accepted: WebSocket[] = [];
  const server = await socketServer(
    (socket, _, wire) => {
      accepted.push(socket);
      ends.push(answerOver(socketPipe(socket, wire), handler, options));
    },
    { handleProtocols: () => muxSubprotocol },
  );
  return { ...server, ends, accepted };
}

/** Holds requests until it is opened. */
export class Gate {
  readonly #open: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #arrivals: { readonly count: number; readonly resolve: () => void }[] = [];
  waiting = 0;

  async pass(): Promise<void> {
    this.waiting++;
    for (const { count, resolve } of this.#arrivals) if (this.waiting >= count) resolve();
    await this.#open.promise;
  }

  /** Resolves when so many wait. */
  async holds(count: number): Promise<void> {
    if (this.waiting < count) await new Promise<void>((resolve) => this.#arrivals.push({ count, resolve }));
  }

  open(): void {
    this.#open.resolve();
  }
}
