import type { DialledSocket } from "@holdfast/dial";
import { type Phase, type Target, type TransportError } from "@holdfast/transport";
import { type ClientOptions, WebSocket } from "ws";
import { aborted, notUpgraded, upgradeFailed, upgradeTimeout } from "./errors.ts";
import { maxFragments, type ParsedWebSocketOptions } from "./options.ts";

/** What a socket is opened with. */
export interface Upgrade {
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly subprotocols: readonly string[];
  /** Text is checked to be UTF-8; unneeded where only bytes come. */
  readonly text: boolean;
  /** Messages up to this are taken, whatever `limits.messageBytes` says: the sub-protocol needs it. Default 0. */
  readonly leastMessageBytes?: number;
}

/** A socket that stands, held until somebody listens: whoever does resumes it. */
export interface OpenedSocket {
  readonly socket: WebSocket;
  readonly dialled: DialledSocket;
}

export interface SocketDial {
  readonly phase: Phase;
  /** Rejects with a `TransportError`, delivery `not-sent`. */
  readonly opened: Promise<OpenedSocket>;
  /** Rejects `opened`. Once the socket is open it does nothing. */
  cancel(reason: unknown): void;
}

/** node and ws have them, the types of ws do not. */
type Options = ClientOptions & {
  readonly closeTimeout: number;
  readonly maxFragments: number;
  readonly maxHeaderSize: number;
};

/** How long a peer may take to answer our close. */
const closeTimeoutMs = 2_000;
const maxTimerMs = 2 ** 31 - 1;

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @throws TypeError for what ws would refuse only after the dial. */
export function checkSubprotocols(subprotocols: readonly string[]): void {
  if (!Array.isArray(subprotocols)) throw new TypeError("subprotocols is not a list");
  for (const one of subprotocols)
    if (typeof one !== "string" || !token.test(one))
      throw new TypeError("a subprotocol is not a token (RFC 6455, 4.1)");
  if (new Set(subprotocols).size < subprotocols.length) throw new TypeError("a subprotocol is given twice");
}

/** Dials, then asks for the upgrade, all under one limit by the clock: a peer that trickles does not prolong it. */
export function openSocket(
  target: Target,
  upgrade: Upgrade,
  timeoutMs: number,
  options: ParsedWebSocketOptions,
): SocketDial {
  const secure = target.scheme === "https:" || target.scheme === "wss:";
  const dial = options.dialler.dial({
    target,
    secure,
    protocol: "websocket",
    alpn: { offer: ["http/1.1"], required: false },
    timeoutMs,
  });
  let isDialled = false;
  let cancel = (reason: unknown): void => dial.cancel(reason);

  const shakeHands = (dialled: DialledSocket): Promise<OpenedSocket> =>
    new Promise((resolve, reject) => {
      isDialled = true;
      let settled = false;
      const settle = (): boolean => {
        const first = !settled;
        settled = true;
        clearTimeout(timer);
        return first;
      };
      const fail = (error: TransportError): void => {
        if (!settle()) return;
        dialled.socket.destroy();
        reject(error);
      };
      cancel = (reason) => fail(aborted(target, reason));
      const leftMs = Math.max(0, dial.startedAt + timeoutMs - performance.now());
      const timer = setTimeout(() => fail(upgradeTimeout(target, timeoutMs)), Math.min(leftMs, maxTimerMs));
      try {
        const socket = askForUpgrade(target, secure, upgrade, dialled, options);
        // It stays: an error of a socket that nobody listens to would end the process.
        socket.on("error", (error) => fail(upgradeFailed(target, error, options.headBytes)));
        socket.once("unexpected-response", (_, response) => fail(notUpgraded(target, response.statusCode ?? 0)));
        socket.once("open", () => {
          if (!settle()) return;
          // What comes with the answer waits until somebody listens.
          socket.pause();
          resolve({ socket, dialled });
        });
      } catch (error) {
        fail(upgradeFailed(target, error as Error, options.headBytes));
      }
    });

  return {
    get phase() {
      return isDialled ? "secure" : dial.phase;
    },
    opened: dial.done.then(shakeHands),
    cancel: (reason) => cancel(reason),
  };
}

/** ws speaks on a socket that is there. */
function askForUpgrade(
  { origin }: Target,
  secure: boolean,
  { path, headers, subprotocols, text, leastMessageBytes = 0 }: Upgrade,
  dialled: DialledSocket,
  { messageBytes, headBytes, ws }: ParsedWebSocketOptions,
): WebSocket {
  const options: Options = {
    ...ws,
    createConnection: () => dialled.socket,
    headers: headers as Record<string, string>,
    perMessageDeflate: false,
    followRedirects: false,
    skipUTF8Validation: !text,
    maxPayload: Math.min(Math.max(messageBytes, leastMessageBytes), 2 ** 31 - 1),
    maxFragments,
    maxHeaderSize: headBytes,
    closeTimeout: closeTimeoutMs,
  };
  const url = `${secure ? "wss" : "ws"}${origin.slice(origin.indexOf(":"))}${path}`;
  return new WebSocket(url, [...subprotocols], options);
}
