import type { ConnectionOwner, DriverDial } from "@holdfast/pool";
import { checkOptionNames } from "@holdfast/pool";
import type { Capabilities, Target } from "@holdfast/transport";
import type { Codec } from "./codec.ts";
import { checkSubprotocols } from "./open-socket.ts";
import { JsonRpcConnection, type JsonRpcNotification } from "./json-rpc-connection.ts";
import { socketDialler } from "./sockets.ts";

export type { JsonRpcNotification };

export interface JsonRpcOptions {
  /** Offered to the server, which must choose one. Default: none are offered. */
  readonly subprotocols?: readonly string[];
  /** Called for each notification of a server, in their order. What it throws is an uncaught exception. */
  readonly onNotification?: (notification: JsonRpcNotification) => void;
}

const capabilities: Capabilities = Object.freeze({
  exchange: true,
  channel: true,
  multiplexed: true,
  duplex: false,
  requestTrailers: false,
  responseTrailers: false,
  informational: false,
  push: false,
});

/**
 * Lets `request()` call servers that speak JSON-RPC 2.0 over WebSocket and know nothing of Holdfast:
 *
 *     const transport = websocket({ path: "/rpc", codec: jsonRpc() });
 *     await transport.request({ url: "https://a.example/math.add", method: "POST", body: "[1,2]" });
 *
 * The path of the URL is the method, the body its params: a JSON object or array, or nothing. The result is a response of
 * 200 with it as body, an error one of 404 (-32601), 400 (-32600, -32602, -32700) or 500 with the error object as body; both
 * are `application/json`. Request fields have no place in JSON-RPC and are not sent. Many calls run on one socket at a time,
 * `maxStreams` at most, told apart by their ids; the server may answer in any order. A call that is aborted is forgotten,
 * not cancelled. Anything that is no JSON-RPC, or answers what was not asked, ends the connection with `PROTOCOL_ERROR`.
 * Requests of the server are answered with -32601.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function jsonRpc(options: JsonRpcOptions = {}): Codec {
  checkOptionNames("jsonRpc", options, ["subprotocols", "onNotification"]);
  const { subprotocols = [], onNotification } = options;
  checkSubprotocols(subprotocols);
  if (onNotification !== undefined && typeof onNotification !== "function")
    throw new TypeError("onNotification is not a function");
  return {
    capabilities,
    driver: (parsed) => {
      const { path, headers } = parsed;
      const dial = socketDialler(parsed, { path, headers, subprotocols, text: true });
      const notifier =
        ({ origin }: Target) =>
        (method: string, params: unknown) => {
          if (onNotification !== undefined) queueMicrotask(() => onNotification({ origin, method, params }));
        };
      return {
        protocol: "websocket",
        idPrefix: "ws-rpc",
        multiplexed: true,
        expectedCapacity: parsed.mux.maxStreams ?? 100,
        dial: (target: Target, owner: ConnectionOwner, timeoutMs: number): DriverDial => {
          const dialling = dial(target, timeoutMs);
          return {
            get phase() {
              return dialling.phase;
            },
            opened: dialling.opened.then((made) => new JsonRpcConnection(made, owner, parsed, notifier(target))),
            cancel: (reason) => dialling.cancel(reason),
          };
        },
      };
    },
  };
}
