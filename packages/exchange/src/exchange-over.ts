import {
  checkOptionNames,
  parsePoolOptions,
  poolLimitNames,
  pooledTransport,
  type PoolLimits,
  type PoolOptions,
  poolOptionNames,
} from "@holdfast/pool";
import type { Capabilities, Channel, Protocol, Transport } from "@holdfast/transport";
import { pipeOf } from "./channel-pipe.ts";
import type { PipeDial } from "./open-pipe.ts";
import type { MuxOptions } from "./options.ts";
import type { Pipe } from "./pipe.ts";
import { muxDriver } from "./pipes.ts";

/** What a pipe is asked for with. */
export interface PipeRequest {
  /** The origin: scheme, host and port. */
  readonly origin: string;
  /** Fires when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

export interface MuxLimits extends PoolLimits {
  /** Bytes of a response's head, default 16 KiB; a longer one fails with `LIMIT_EXCEEDED`. */
  readonly headBytes?: number;
}

/** The defaults are those of {@link PoolOptions}, with `maxConnections` 4 and `idleTimeoutMs` 300 000. */
export interface ExchangeOptions extends PoolOptions, Omit<MuxOptions, "limits"> {
  readonly limits?: MuxLimits;
  /** What it is called in errors, events and `ConnectionInfo`; default `"holdfast.mux.v1"`. */
  readonly protocol?: Protocol;
}

/** What every transport over the protocol can do. */
export const muxCapabilities: Capabilities = Object.freeze({
  exchange: true,
  channel: false,
  multiplexed: true,
  duplex: true,
  requestTrailers: true,
  responseTrailers: true,
  informational: true,
  push: false,
});

export const muxOptionNames: readonly string[] = ["windows", "ping", "limits", "maxStreams"];

/**
 * A transport over any message pipe whose far end answers by `answerOver`: `connect` makes a pipe, or a channel, to an
 * origin; the transport makes as many as it needs and owns them.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function exchangeOver(
  connect: (request: PipeRequest) => Pipe | Channel | Promise<Pipe | Channel>,
  options: ExchangeOptions = {},
): Transport {
  checkOptionNames("exchangeOver", options, [...poolOptionNames, ...muxOptionNames, "protocol"]);
  checkOptionNames("exchangeOver", options.limits ?? {}, [...poolLimitNames, "headBytes"], "limits");
  const { protocol = "holdfast.mux.v1" } = options;
  const pool = parsePoolOptions(options, { maxConnections: 4, idleTimeoutMs: 300_000 });
  const driver = muxDriver({ protocol, idPrefix: "mux", dial: ({ origin }) => dialBy(connect, origin) }, options);
  return pooledTransport(driver, pool, {
    vendor: "@holdfast/exchange",
    capabilities: muxCapabilities,
    schemes: ["http:", "https:", "ws:", "wss:"],
  });
}

function dialBy(connect: Parameters<typeof exchangeOver>[0], origin: string): PipeDial {
  const given = new AbortController();
  const open = async (): Promise<{ readonly pipe: Pipe }> => {
    const made = await connect({ origin, signal: given.signal });
    return { pipe: "start" in made ? made : pipeOf(made) };
  };
  return { phase: "connect", opened: open(), cancel: (reason) => given.abort(reason) };
}
