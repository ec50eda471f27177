import type { Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { CloseOptions } from "@holdfast/transport";
import { addAttachment } from "./attachments.ts";
import { checkNames, limitsOf } from "./check-options.ts";
import { untilDeadline } from "./deadline.ts";
import { exchangeAcceptor } from "./exchanges.ts";
import { type ErrorHandler, type FetchHandler, warnOfFailure } from "./fetch-handler.ts";
import {
  type ChannelLimits,
  defaultChannelLimits,
  parseUpgradeOptions,
  type UpgradeOptions,
  upgradeOptionNames,
} from "./upgrade-options.ts";
import { Upgrades } from "./upgrade.ts";

export interface AttachOptions extends UpgradeOptions {
  /** The only path that is taken, as `"/mux"`. Default: any. */
  readonly path?: string;
  readonly limits?: AttachLimits;
  /** Default: a process warning with the code `HOLDFAST_HANDLER_FAILED`. */
  readonly onError?: ErrorHandler;
}

export interface AttachLimits extends ChannelLimits {
  /** Of a request's head, up to 65 535; a longer one is reset. Default 16 KiB. */
  readonly headBytes?: number;
  /** Of a request's body; more is answered 413. Default 10 MiB. */
  readonly bodyBytes?: number;
  /** Requests of one socket at a time, default 100; more are refused. */
  readonly maxStreams?: number;
  /** Requests of one socket that its client may reset before they are answered: this many at once, default 100, a fifth of it each second. Then it takes no more, and finishes those it has. */
  readonly maxResets?: number;
}

/** What was added to a server. */
export interface Attached extends AsyncDisposable {
  /** Takes no more upgrades, lets requests in flight finish until `deadlineMs` (default 10 000), closes channels with 1001. Resolves when no socket of ours is open, refused ones included. The server goes on. */
  drain(options?: CloseOptions): Promise<void>;
  /** What `drain` does, by the name that transports have for it. */
  close(options?: CloseOptions): Promise<void>;
  /** Ends the sockets now. */
  destroy(): void;
}

const defaultLimits: Required<AttachLimits> = {
  headBytes: 16_384,
  bodyBytes: 10 * 2 ** 20,
  maxStreams: 100,
  maxResets: 100,
  ...defaultChannelLimits,
};

/**
 * Adds the sub-protocol `holdfast.mux.v1` to a server that you have, each of its requests being one for `handler`; and plain
 * channels, if `channel` is given. An upgrade that is none of this is left to the server's other listeners for `upgrade`, or
 * refused if there are none; a request that offers another protocol, such as h2c, stays one like any. Of several that were attached
 * to one server the first takes an upgrade that serves it. Timeouts and limits of connections stay the server's own.
 *
 * @throws TypeError for an option that is wrong.
 */
export function attach(server: HttpServer | HttpsServer, handler: FetchHandler, options: AttachOptions = {}): Attached {
  checkNames("attach", options, ["path", "limits", "onError", ...upgradeOptionNames]);
  if (typeof handler !== "function") throw new TypeError("attach() takes a server and a fetch handler");
  const { path, onError = warnOfFailure } = options;
  const limits = limitsOf<AttachLimits>(defaultLimits, options.limits, ["bodyBytes"]);
  const upgrades = new Upgrades(
    parseUpgradeOptions(options, limits),
    onError,
    exchangeAcceptor({ fetch: handler, onError, limits }),
  );
  const detach = addAttachment(server, { path, upgrades });
  const drain = async (how: CloseOptions = {}): Promise<void> => {
    detach();
    upgrades.drain();
    await untilDeadline(upgrades.empty(), how, () => upgrades.destroy());
  };
  return {
    drain,
    close: drain,
    destroy: () => {
      detach();
      upgrades.destroy();
    },
    [Symbol.asyncDispose]: () => drain(),
  };
}
