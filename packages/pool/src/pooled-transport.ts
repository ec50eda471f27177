import { type Capabilities, parseTarget, type Transport, TransportError } from "@holdfast/transport";
import type { Driver } from "./driver.ts";
import type { ParsedPoolOptions } from "./options.ts";
import { type Admission, type Places, Pool } from "./pool.ts";

/** What an adapter is, beside its driver. */
export interface AdapterFacts {
  /** Who made it: a package name. */
  readonly vendor: string;
  readonly capabilities: Capabilities;
  /** Of the URLs that it speaks to: `["http:", "https:"]`. */
  readonly schemes: readonly string[];
}

/** The transport of an adapter that has a driver. Its channels are refused; one that has them wraps {@link pooledAdapter}'s. */
export function pooledTransport(driver: Driver, options: ParsedPoolOptions, facts: AdapterFacts): Transport {
  return pooledAdapter(driver, options, facts).transport;
}

/** The same, for an adapter that makes connections of its own beside those of the pool. */
export interface PooledAdapter {
  readonly transport: Transport;
  readonly places: Places;
}

export function pooledAdapter(driver: Driver, options: ParsedPoolOptions, facts: AdapterFacts): PooledAdapter {
  const { vendor, capabilities, schemes } = facts;
  const { protocol } = driver;

  const unsupported = (message: string, origin: string): TransportError =>
    new TransportError("UNSUPPORTED", message, { delivery: "not-sent", phase: "queue", protocol, origin });

  // What cannot be carried is refused before it is queued.
  const admit: Admission = ({ scheme, origin }, { trailers }) => {
    if (!schemes.includes(scheme)) {
      throw unsupported(`${protocol} speaks to ${schemes.join(" and ")} URLs, not to ${scheme}`, origin);
    }
    if (trailers !== undefined && !capabilities.requestTrailers) {
      throw unsupported(`${protocol} sends no trailers (capabilities.requestTrailers)`, origin);
    }
  };

  const pool = new Pool(driver, options, admit);
  const transport: Transport = {
    "~holdfast": { version: 1, vendor, protocol, capabilities },
    protocol,
    capabilities,
    request: (request) => pool.request(request),
    open: async ({ url }) => {
      throw unsupported(`${protocol} has no channels (capabilities.channel)`, parseTarget(url).origin);
    },
    warm: (origin, warmOptions) => pool.warm(origin, warmOptions),
    stats: () => pool.stats(),
    close: (closeOptions) => pool.close(closeOptions),
    destroy: (reason) => pool.destroy(reason),
    [Symbol.asyncDispose]: () => pool.close(),
  };
  return { transport, places: pool };
}
