import { channel } from "node:diagnostics_channel";
import type { TransportError } from "./error.ts";
import type { Timings } from "./response.ts";

/**
 * What is published of an exchange. The quoted keys are OpenTelemetry's attribute names with their values, so a
 * subscriber can hand them on one to one. No header, path or credential is in them.
 */
export interface ExchangeEvent {
  /** Unique in the process; the same in every event of one exchange. */
  readonly exchange: number;
  readonly "http.request.method": string;
  readonly "server.address": string;
  readonly "server.port": number;
  readonly "url.scheme": string;
  readonly "network.protocol.name": string;
  readonly "network.protocol.version"?: string;
  /** From `start` on. */
  readonly connection?: string;
  /** From `head` on. */
  readonly "http.response.status_code"?: number;
  /** In `fail` and `retry`: the code of the error. */
  readonly "error.type"?: string;
  readonly error?: TransportError;
  /** In `retry`: how often it was sent again, this time included. */
  readonly "http.request.resend_count"?: number;
  /** In `end`, and in `fail` if a response had begun. */
  readonly timings?: Timings;
}

export interface ConnectionEvent {
  readonly connection: string;
  readonly origin: string;
  readonly "server.address": string;
  readonly "server.port": number;
  readonly "network.protocol.name": string;
  readonly "network.protocol.version"?: string;
  /** In `drain` and `close`: why. */
  readonly reason?: string;
  readonly error?: unknown;
}

/** A channel that carries `E`. */
export interface EventChannel<E> {
  readonly name: string | symbol;
  readonly hasSubscribers: boolean;
  publish(event: E): void;
}

export interface TransportEvents {
  readonly exchangeQueue: EventChannel<ExchangeEvent>;
  readonly exchangeStart: EventChannel<ExchangeEvent>;
  readonly exchangeHead: EventChannel<ExchangeEvent>;
  readonly exchangeEnd: EventChannel<ExchangeEvent>;
  readonly exchangeFail: EventChannel<ExchangeEvent>;
  readonly retry: EventChannel<ExchangeEvent>;
  readonly connectionDial: EventChannel<ConnectionEvent>;
  readonly connectionOpen: EventChannel<ConnectionEvent>;
  readonly connectionDrain: EventChannel<ConnectionEvent>;
  readonly connectionClose: EventChannel<ConnectionEvent>;
}

/**
 * The `diagnostics_channel` channels of every transport. Publish only where `hasSubscribers`: then an event costs nothing
 * while nobody listens.
 *
 *     exchange:queue            accepted
 *       exchange:start          got its lease
 *         retry                 sent again, any number of times
 *         exchange:head         response head
 *     exchange:end | :fail      once for each queue
 *
 *     connection:dial
 *       connection:open
 *         connection:drain      takes nothing new
 *     connection:close          once for each dial
 */
export const events: TransportEvents = {
  exchangeQueue: channel("holdfast:exchange:queue"),
  exchangeStart: channel("holdfast:exchange:start"),
  exchangeHead: channel("holdfast:exchange:head"),
  exchangeEnd: channel("holdfast:exchange:end"),
  exchangeFail: channel("holdfast:exchange:fail"),
  retry: channel("holdfast:retry"),
  connectionDial: channel("holdfast:connection:dial"),
  connectionOpen: channel("holdfast:connection:open"),
  connectionDrain: channel("holdfast:connection:drain"),
  connectionClose: channel("holdfast:connection:close"),
};
