import {
  answerOver,
  type Answering,
  type AnswerOptions,
  type ExchangeHandler,
  exchangeOver,
  type ExchangeOptions,
} from "@holdfast/exchange";
import { isTransportError, type Transport, type TransportError, type TransportRequest } from "@holdfast/transport";
import { type MuxPeer, peerPair, settledPeer } from "./mux-peer.ts";

/** Our answering end, and a client by hand. */
export interface AnsweringEnd {
  readonly end: Answering;
  readonly peer: MuxPeer;
}

/** The client has sent its SETTINGS. */
export function answering(
  handler: ExchangeHandler = () => ({ body: "ok" }),
  options: AnswerOptions = {},
  settings: Readonly<Record<number, number>> = {},
): AnsweringEnd {
  const { pipe, peer } = settledPeer(settings);
  return { end: answerOver(pipe, handler, options), peer };
}

/** The client has said nothing yet. */
export function unsettled(handler: ExchangeHandler, options: AnswerOptions = {}): AnsweringEnd {
  const { pipe, peer } = peerPair();
  return { end: answerOver(pipe, handler, options), peer };
}

/** Our asking end, and servers by hand: one for each connection that it made. */
export interface AskingEnd {
  readonly transport: Transport;
  readonly peers: MuxPeer[];
  /** The server of the first connection. */
  readonly peer: () => MuxPeer;
}

/** `greet` says hello on each new connection; by default with empty SETTINGS. */
export function asking(options: ExchangeOptions = {}, greet?: (peer: MuxPeer, index: number) => void): AskingEnd {
  const peers: MuxPeer[] = [];
  const transport = exchangeOver(() => {
    const { pipe, peer } = greet === undefined ? settledPeer() : peerPair();
    greet?.(peer, peers.length);
    peers.push(peer);
    return pipe;
  }, options);
  return {
    transport,
    peers,
    peer: () => {
      const [first] = peers;
      if (first === undefined) throw new Error("no connection was made");
      return first;
    },
  };
}

export const url = "http://a.example/";

/** What became of a request, to be looked at in the same turn. */
export interface Outcome {
  readonly settled: boolean;
  /** Resolves when it is. */
  readonly done: Promise<void>;
  readonly status: number | undefined;
  readonly text: string | undefined;
  readonly error: TransportError | undefined;
}

/** Asks, and reads the body to its end. */
export function outcome(transport: Transport, request: Partial<TransportRequest> = {}): Outcome {
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const seen: { -readonly [K in keyof Outcome]: Outcome[K] } = {
    settled: false,
    done,
    status: undefined,
    text: undefined,
    error: undefined,
  };
  const run = async (): Promise<void> => {
    const response = await transport.request({ url, ...request });
    seen.status = response.status;
    seen.text = await response.body.text();
  };
  run()
    .catch((error: unknown) => {
      if (!isTransportError(error)) throw error;
      seen.error = error;
    })
    .finally(() => {
      seen.settled = true;
      resolve();
    });
  return seen;
}

/** The error of something that must fail. */
export async function failure(work: Promise<unknown>): Promise<TransportError> {
  try {
    await work;
  } catch (error) {
    if (isTransportError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
