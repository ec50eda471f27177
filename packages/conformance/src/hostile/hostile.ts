import type { Fields } from "@holdfast/transport";
import type { Fault } from "./fault.ts";

/** Makes origins of one protocol that misbehave on command. A {@link Fixture} brings one, and cases make an origin each. */
export interface Hostile {
  readonly protocol: string;
  /** Cases that need another fault do not apply, and are listed as such. */
  readonly faults: ReadonlySet<Fault>;
  listen(options?: HostileOptions): Promise<HostileOrigin>;
}

export interface HostileOptions {
  /** How many exchanges a connection may have at a time, told before the first. Default: any number. Needs `limit`. */
  readonly maxExchanges?: number;
  /** How much of a request's body it takes before {@link HostileExchange.giveCredit}. Default: all. Needs `credit`. */
  readonly creditBytes?: number;
}

/** Does nothing by itself but take requests; what they get is the case's to say. Disposing ends every connection. */
export interface HostileOrigin extends AsyncDisposable {
  /** Scheme, host and port; no slash at the end. */
  readonly url: string;
  /** All that were accepted, in that order. */
  readonly connections: readonly HostileConnection[];
  /** Every request whose head arrived, in that order: what was executed, and how often. */
  readonly arrivals: readonly HostileExchange[];
  /** Names for {@link HostileConnection.violate}. None where there is but one way. */
  readonly breaches?: readonly string[];
  /** Exchanges that arrived, and that nobody has taken. */
  readonly untaken: number;
  /** The first exchange that nobody took, or the first for this path. Rejects if the origin is disposed of first. */
  next(path?: string): Promise<HostileExchange>;
  /** Answers what nobody has taken yet, and will: with 200 and `ok`, or as it is told. */
  serve(answer?: (exchange: HostileExchange) => Promise<void> | void): void;
}

/** One connection. What a protocol cannot express throws a TypeError. */
export interface HostileConnection {
  /** Exchanges that have arrived, and are neither ended nor given up. */
  readonly open: number;
  /** The most that were open at a time. */
  readonly maxOpen: number;
  /** Resolves when it is gone. */
  readonly closed: Promise<void>;
  /** Ends it with FIN. */
  fin(): void;
  /** Ends it with RST. */
  rst(): void;
  /**
   * Takes no more exchanges, and says that it never looked at those in flight that arrived after `covers`, or at any for
   * `"none"`; default `"all"`. Resolves when the client has heard it, or is gone; where what is said to a client that reads
   * slowly stands behind a body, and nothing but its answer would tell, when it was sent. A client that is idle must have heard it.
   */
  goodbye(options?: { readonly covers?: HostileExchange | "all" | "none"; readonly failed?: boolean }): Promise<void>;
  /** From now on so many exchanges at a time. Resolves when the client has heard it. */
  limit(maxExchanges: number): Promise<void>;
  /** Sends what the protocol forbids: the one of that name, to the exchange that arrived last; or any. */
  violate(breach?: string): Promise<void>;
}

export interface HeadOptions {
  /** Told as the body's length; without it the length stays open. */
  readonly length?: number;
  /** The connection takes no exchange after this one. */
  readonly last?: boolean;
}

/** Why an exchange is broken off: nothing is wrong, it is not wanted any more, the origin failed, there are too many. */
export type ResetReason = "none" | "cancelled" | "internal" | "calm";

/** A response, sent in steps. */
export interface HostileResponse {
  /** Resolves when the client has given it up, or its connection is gone. */
  readonly abandoned: Promise<void>;
  head(options?: HeadOptions): Promise<void>;
  /** Sends as much as the client gives room for, and resolves with how much that was. */
  send(bytes: Uint8Array | string): Promise<number>;
  /** Sends the end mark. */
  finish(trailers?: Fields): Promise<void>;
  /** Breaks the exchange off. */
  reset(reason: ResetReason): Promise<void>;
}

/** One request that arrived, and the response to it. */
export interface HostileExchange extends HostileResponse {
  readonly method: string;
  readonly path: string;
  readonly connection: HostileConnection;
  /** How much of its body has arrived. */
  readonly receivedBytes: number;
  /** Resolves with the whole body of the request. */
  body(): Promise<Uint8Array>;
  /** Head, body and end mark. */
  respond(body?: Uint8Array | string): Promise<void>;
  /** Sends a piece of a head, of which no more may follow. */
  halfHead(): Promise<void>;
  /** Says that it was never looked at. */
  refuse(): Promise<void>;
  /** Takes so much more of its body. */
  giveCredit(bytes: number): Promise<void>;
  /** Whether the client has said that it takes pushed responses. */
  readonly takesPush: boolean;
  /** Promises a response to a GET of this path, to be sent by the caller. */
  push(path: string): Promise<HostileResponse>;
}
