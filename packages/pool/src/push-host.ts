import type { TransportError } from "@holdfast/transport";
import type { Exchange } from "./exchange.ts";
import type { Push } from "./push.ts";

/** What a push needs of the pool that runs its exchange. */
export interface PushHost {
  readonly maxBodyBytes: number;
  /** Of a response head, and of trailers. */
  readonly maxFields: number;
  pushBegun(push: Push): void;
  /** It waits for something else, or for something sooner. */
  pushLimitMoved(push: Push): void;
  /** Nothing of it is left. */
  pushOver(push: Push): void;
  /** The exchange failed, and what was promised for it with it. */
  pushesFail(main: Exchange, error: TransportError): void;
}
