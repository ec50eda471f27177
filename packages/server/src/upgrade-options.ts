import type { Channel } from "@holdfast/transport";
import { limitsOf, numbers } from "./check-options.ts";

/**
 * Serves one channel, which is its own from then on. A handler that throws or rejects ends it with code 1011; one that
 * returns leaves it open until either side closes it.
 */
export type ChannelHandler = (channel: Channel, request: Request) => void | Promise<void>;

/** Refuses an upgrade by returning a response, which is sent in place of the 101. */
export type Authorize = (request: Request) => Response | undefined | void | Promise<Response | undefined | void>;

/** What concerns WebSocket, on a port of ours and on a server of yours alike. */
export interface UpgradeOptions {
  /** Serves WebSocket channels that do not carry exchanges. Without it they are refused with 400. */
  readonly channel?: ChannelHandler;
  /** The sub-protocols that `channel` speaks; the first that a client offers is chosen. Default: none, so clients must offer none. */
  readonly subprotocols?: readonly string[];
  /** Called before the 101, with the head of the upgrade: the place to look at credentials. */
  readonly authorize?: Authorize;
  /** Who may upgrade from a page: `["https://app.example"]`, or `"any"`. Default: pages of the host that is asked, and whoever sends no `Origin`, which no browser does. */
  readonly origins?: readonly string[] | "any";
  readonly ping?: PingOptions;
}

/** How a client that has gone silent is found out; bytes of any kind count as life. */
export interface PingOptions {
  /** Silence after which a channel's client is asked, default 20 000. `Infinity` for never. */
  readonly intervalMs?: number;
  /** Silence after the ping that proves it gone, default 10 000. */
  readonly timeoutMs?: number;
}

export interface ChannelLimits {
  /** Of one message from a client; more closes the channel with 1009. Default 1 MiB. */
  readonly messageBytes?: number;
  /** What a channel holds of messages that its client has not taken: `send()` waits above it and fails above eight times as much. Default 1 MiB. */
  readonly sendBufferBytes?: number;
}

/** Parsed once, never changed. */
export interface UpgradeSettings {
  readonly channel: ChannelHandler | undefined;
  readonly subprotocols: readonly string[];
  readonly authorize: Authorize | undefined;
  readonly origins: ReadonlySet<string> | "any";
  readonly ping: Required<PingOptions>;
  readonly limits: Required<ChannelLimits>;
}

export const upgradeOptionNames: readonly string[] = ["channel", "subprotocols", "authorize", "origins", "ping"];

export const defaultChannelLimits: Required<ChannelLimits> = { messageBytes: 2 ** 20, sendBufferBytes: 2 ** 20 };

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @throws TypeError that names the option. */
export function parseUpgradeOptions(options: UpgradeOptions, limits: Required<ChannelLimits>): UpgradeSettings {
  const { channel, subprotocols = [], authorize, origins = [], ping } = options;
  if (channel !== undefined && typeof channel !== "function") throw new TypeError("channel is not a function");
  if (authorize !== undefined && typeof authorize !== "function") throw new TypeError("authorize is not a function");
  if (!Array.isArray(subprotocols) || !subprotocols.every((name) => token.test(name))) {
    throw new TypeError("subprotocols is not a list of tokens (RFC 6455, 4.1)");
  }
  return Object.freeze({
    channel,
    subprotocols,
    authorize,
    origins: origins === "any" ? "any" : new Set(origins.map(parseOrigin)),
    ping: numbers<PingOptions>("ping", { intervalMs: 20_000, timeoutMs: 10_000 }, ping),
    limits,
  });
}

/** @throws TypeError for channel limits that are not known. */
export function parseChannelLimits(limits: ChannelLimits | undefined): Required<ChannelLimits> {
  return limitsOf<ChannelLimits>(defaultChannelLimits, limits);
}

function parseOrigin(text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw new TypeError(`origins: ${JSON.stringify(text)} is not an origin like "https://app.example"`);
}
