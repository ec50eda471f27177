import { isTransport, type Transport } from "./transport.ts";

type TransportFactory = (...options: never[]) => Transport;

/** A factory, or a function that loads one: `http1`, or `() => import("@holdfast/http1")`. */
export type Factory = (...options: never[]) => Transport | Promise<TransportFactory | object>;

/** The factory that a lazy entry loads: what the promise holds, or the one transport factory among a module's exports. */
type Loaded<M> = M extends TransportFactory ? M : Extract<M[keyof M], TransportFactory>;

type FactoryOf<F extends Factory> = F extends TransportFactory
  ? F
  : F extends () => Promise<infer M>
    ? Loaded<M>
    : never;

type Created<F extends Factory> = F extends TransportFactory ? ReturnType<F> : Promise<ReturnType<FactoryOf<F>>>;

export interface Catalog<F extends Record<string, Factory>> {
  readonly names: readonly (keyof F & string)[];
  has(name: string): name is keyof F & string;
  /**
   * Makes the transport of that name with its own options. A lazy entry is loaded first, so its result is a promise.
   *
   * @throws TypeError for an unknown name; the message lists the known ones. A lazy entry rejects instead of throwing.
   */
  create<N extends keyof F & string>(name: N, ...options: Parameters<FactoryOf<F[N]>>): Created<F[N]>;
}

/**
 * Transports by name, chosen at run time. Names and options are typed from the object, so an adapter of your own needs
 * neither a registration call nor declaration merging.
 */
export function catalog<const F extends Record<string, Factory>>(factories: F): Catalog<F> {
  const known = new Map<string, Factory>(Object.entries(factories));
  for (const [name, factory] of known) {
    if (typeof factory !== "function")
      throw new TypeError(`the catalog entry ${JSON.stringify(name)} is not a factory`);
  }
  const names = Object.freeze([...known.keys()]) as readonly (keyof F & string)[];
  return {
    names,
    has: (name): name is keyof F & string => known.has(name),
    create: (name, ...options) => {
      const factory = known.get(name);
      if (factory === undefined) throw new TypeError(unknownName(name, names));
      const made = factory(...(options as never[]));
      const transport =
        made instanceof Promise ? made.then((loaded) => load(name, loaded, options)) : checked(name, made);
      return transport as Created<F[typeof name]>;
    },
  };
}

function unknownName(name: unknown, names: readonly string[]): string {
  const list = names.map((known) => JSON.stringify(known)).join(", ");
  return `no transport ${JSON.stringify(name)} in this catalog; it has ${list || "none"}`;
}

function load(name: string, loaded: unknown, options: readonly unknown[]): Transport {
  // One function may have two names: that of a CommonJS module stands as `default` too.
  const exported = typeof loaded === "function" ? [loaded] : Object.values(loaded ?? {});
  const factories = new Set(exported.filter((value) => typeof value === "function"));
  if (factories.size !== 1) {
    throw new TypeError(
      `the catalog entry ${JSON.stringify(name)} loaded ${factories.size} functions; expected one transport factory`,
    );
  }
  const [factory] = factories;
  return checked(name, (factory as (...options: unknown[]) => unknown)(...options));
}

function checked(name: string, made: unknown): Transport {
  if (!isTransport(made)) throw new TypeError(`the catalog entry ${JSON.stringify(name)} did not make a transport`);
  return made;
}
