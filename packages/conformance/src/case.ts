import type { Capabilities, Timeouts, Transport } from "@holdfast/transport";
import type { Fault } from "./hostile/fault.ts";
import type { Hostile, HostileOptions, HostileOrigin } from "./hostile/hostile.ts";
import type { Origin } from "./origin/origin.ts";

/** What a case asks of the transport that it tries. Names are those of the adapters, save the first. */
export interface FixtureOptions {
  /**
   * Exchanges in flight to one origin at the same time: `maxConnections` where a connection carries one exchange, one
   * connection with that many streams where they are multiplexed.
   */
  readonly maxConcurrent?: number;
  readonly maxQueued?: number;
  /** Connections to one origin, however many exchanges each carries. Asked for only where the origin has the fault `limit`. */
  readonly maxConnections?: number;
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
  /** Of the same protocol. Without it the cases that need a fault do not apply, and are listed as such. */
  readonly hostile?: Hostile;
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
  /** What the hostile origin must be able to express; where it is not, the case does not apply. None for most. */
  readonly faults: readonly Fault[];
  /** It is about connections, so that it applies to adapters that open sockets only. Default false. */
  readonly sockets?: boolean;
  /**
   * Resolves if the adapter keeps the rule, rejects with what it did instead. The case ends every transport that it makes
   * and every response that it gets.
   */
  run(fixture: Fixture): Promise<void>;
}

/** A case as data, tried with the origin that behaves. */
export function rule(
  id: string,
  title: string,
  run: (fixture: Fixture) => Promise<void>,
  ...requires: (keyof Capabilities)[]
): Case {
  return { id, title, requires: withExchange(requires), faults: [], run };
}

/** Who has no exchanges must say so, wherever one is asked for. */
function withExchange(requires: readonly (keyof Capabilities)[]): readonly (keyof Capabilities)[] {
  return requires.includes("channel") || requires.includes("exchange") ? requires : ["exchange", ...requires];
}

/** What a case that needs a hostile origin works with: an origin of its own, and a way to make transports. */
export interface HostileFixture {
  readonly origin: HostileOrigin;
  readonly createTransport: Fixture["createTransport"];
}

export interface HostileNeeds {
  readonly faults: readonly [Fault, ...Fault[]];
  readonly requires?: readonly (keyof Capabilities)[];
  /** Of the origin. */
  readonly options?: HostileOptions;
}

/** A case as data, tried with an origin that misbehaves on command. */
export function hostileRule(
  id: string,
  title: string,
  { faults, requires = [], options }: HostileNeeds,
  run: (fixture: HostileFixture) => Promise<void>,
): Case {
  return {
    id,
    title,
    requires: withExchange(requires),
    faults,
    run: async (fixture) => {
      const { hostile } = fixture;
      if (hostile === undefined) throw new TypeError(`${id} needs a fixture with a hostile origin`);
      await using origin = await hostile.listen(options);
      await run({ origin, createTransport: (wanted) => fixture.createTransport(wanted) });
    },
  };
}

/** The address of a path of the kit's application; `id` names the exchange to the origin's control. */
export function urlOf({ origin }: Fixture, path: string, id?: string): string {
  return origin.url + path + (id === undefined ? "" : `${path.includes("?") ? "&" : "?"}id=${id}`);
}
