import type { Capabilities, Timeouts, Transport } from "@holdfast/transport";
import type { Origin } from "./origin/origin.ts";

/** What a case asks of the transport that it tries. Names are those of the adapters, save the first. */
export interface FixtureOptions {
  /**
   * Exchanges in flight to one origin at the same time: `maxConnections` where a connection carries one exchange, one
   * connection with that many streams where they are multiplexed.
   */
  readonly maxConcurrent?: number;
  readonly maxQueued?: number;
  readonly timeouts?: Partial<Timeouts>;
  readonly limits?: { readonly bodyBytes?: number };
}

/** What the capabilities do not tell. */
export interface Traits {
  /** The adapter opens sockets, which the origin counts. */
  readonly sockets: boolean;
}

/** An adapter under test and the origin that it talks to. The owner of both is whoever made the fixture. */
export interface Fixture {
  /** Must hand over what it is given, so that a bad option is refused by the adapter. */
  createTransport(options?: FixtureOptions): Transport | Promise<Transport>;
  readonly origin: Origin;
  readonly traits: Traits;
}

/** One rule of the contract. */
export interface Case {
  /** Stable: `group/name`. */
  readonly id: string;
  /** The rule, as a sentence. */
  readonly title: string;
  /** Where one of them is false, the case gives way to one that asserts that it really is not there. */
  readonly requires: readonly (keyof Capabilities)[];
  /**
   * Resolves if the adapter keeps the rule, rejects with what it did instead. The case ends every transport that it makes
   * and every response that it gets.
   */
  run(fixture: Fixture): Promise<void>;
}

/** A case as data. */
export function rule(
  id: string,
  title: string,
  run: (fixture: Fixture) => Promise<void>,
  ...requires: (keyof Capabilities)[]
): Case {
  return { id, title, requires, run };
}

/** The address of a path of the kit's application; `id` names the exchange to the origin's control. */
export function urlOf({ origin }: Fixture, path: string, id?: string): string {
  return origin.url + path + (id === undefined ? "" : `${path.includes("?") ? "&" : "?"}id=${id}`);
}
