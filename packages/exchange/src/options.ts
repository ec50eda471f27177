import { checkOptionNames } from "@holdfast/pool";
import { checkNumber } from "@holdfast/transport";
import { muxSubprotocol } from "./frames.ts";
import type { MuxPing } from "./liveness.ts";
import type { Settings } from "./settings.ts";

/** How much the peer may send ahead of its reader. */
export interface MuxWindows {
  /** On one stream, 128 KiB to 16 MiB, default 1 MiB: what a paused body can hold in memory. */
  readonly streamBytes?: number;
  /** On its way on all streams of a connection, 128 KiB to 64 MiB, default 16 MiB. */
  readonly connectionBytes?: number;
}

/** What both ends of a connection can be told. */
export interface MuxOptions {
  readonly windows?: MuxWindows;
  readonly ping?: MuxPing;
  readonly limits?: { readonly headBytes?: number };
  /** Exchanges on one connection at a time, default 100; the peer's own limit holds as well. */
  readonly maxStreams?: number;
}

export interface ParsedMuxOptions {
  /** Said to the peer. At the asking end `maxStreams` is ours, and the peer may open none. */
  readonly settings: Settings;
  readonly ping: Required<MuxPing>;
}

/** @throws TypeError that names the option. */
export function parseMuxOptions({ windows, ping, limits, maxStreams = 100 }: MuxOptions): ParsedMuxOptions {
  checkOptionNames(muxSubprotocol, windows ?? {}, ["streamBytes", "connectionBytes"], "windows");
  checkOptionNames(muxSubprotocol, ping ?? {}, ["intervalMs", "timeoutMs"], "ping");
  checkNumber("maxStreams", maxStreams, 1);
  if (!Number.isInteger(maxStreams) || maxStreams > 2 ** 31) throw new TypeError("maxStreams is not a whole number");
  checkNumber("ping.intervalMs", ping?.intervalMs, 1);
  checkNumber("ping.timeoutMs", ping?.timeoutMs, 1);
  const maxBlock = limits?.headBytes ?? 16_384;
  checkWhole("limits.headBytes", maxBlock, 1, 65_535);
  const streamWindow = windows?.streamBytes ?? 2 ** 20;
  checkWhole("windows.streamBytes", streamWindow, 2 ** 17, 2 ** 24);
  const connectionWindow = windows?.connectionBytes ?? 2 ** 24;
  checkWhole("windows.connectionBytes", connectionWindow, 2 ** 17, 2 ** 26);
  return Object.freeze({
    settings: Object.freeze({ streamWindow, connectionWindow, maxStreams, maxFrame: 16_384, maxBlock }),
    ping: Object.freeze({ intervalMs: ping?.intervalMs ?? 20_000, timeoutMs: ping?.timeoutMs ?? 10_000 }),
  });
}

function checkWhole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new TypeError(`${name} is not a whole number from ${least} to ${most}`);
}
