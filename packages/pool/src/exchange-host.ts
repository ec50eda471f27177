import type { Phase, Protocol, TransportError } from "@holdfast/transport";
import type { Exchange } from "./exchange.ts";
import type { PushHost } from "./push-host.ts";

/** What an exchange needs of the pool that runs it. */
export interface ExchangeHost extends PushHost {
  readonly protocol: Protocol;
  /** Exchanges share connections. */
  readonly multiplexed: boolean;
  /** Where the dial is that it waits for. */
  dialPhase(exchange: Exchange): Phase;
  /** Of the dial whose failure keeps it queued, if one does. */
  dialError(exchange: Exchange): TransportError | undefined;
  /** It waits for something else, or for something sooner. */
  limitMoved(exchange: Exchange): void;
  /** It is to be run again, at once; `fresh`: on a connection that none has ended on and that was never idle. */
  again(exchange: Exchange, fresh: boolean): void;
  /** The promise of its caller is settled. */
  settled(exchange: Exchange): void;
  /** Nothing of it is left. */
  over(exchange: Exchange, failed: boolean): void;
  leaked(exchange: Exchange): void;
}
