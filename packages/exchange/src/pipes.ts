import type { Driver } from "@holdfast/pool";
import type { Protocol, Target } from "@holdfast/transport";
import { openPipe, type PipeDial } from "./open-pipe.ts";
import { type MuxOptions, parseMuxOptions } from "./options.ts";

/** How pipes to an origin are made: what an adapter adds to the protocol. */
export interface PipeDialler {
  readonly protocol: Protocol;
  /** Starts each connection's id. */
  readonly idPrefix: string;
  /** Starts at once; under one limit with all that follows. */
  dial(target: Target, timeoutMs: number): PipeDial;
}

/** How the pool makes connections that speak `holdfast.mux.v1`. @throws TypeError that names the option. */
export function muxDriver(dialler: PipeDialler, options: MuxOptions): Driver {
  const { protocol, idPrefix } = dialler;
  const parsed = parseMuxOptions(options);
  return {
    protocol,
    idPrefix,
    multiplexed: true,
    expectedCapacity: parsed.settings.maxStreams,
    dial: (target, owner, timeoutMs) =>
      openPipe({ target, protocol }, owner, timeoutMs, dialler.dial(target, timeoutMs), parsed),
  };
}
