import { factsOf, momentsOf } from "@holdfast/dial";
import { muxDriver, muxSubprotocol, type OpenedPipe, type PipeDial, socketPipe } from "@holdfast/exchange";
import type { Driver } from "@holdfast/pool";
import type { Target } from "@holdfast/transport";
import { aborted } from "./errors.ts";
import { openSocket, type SocketDial, type Upgrade } from "./open-socket.ts";
import type { ParsedWebSocketOptions } from "./options.ts";
import { Reconnects } from "./reconnects.ts";

/** How the pool makes sockets that carry exchanges. */
export function webSocketDriver(options: ParsedWebSocketOptions): Driver {
  const reconnects = new Reconnects(options.reconnect);
  const upgrade: Upgrade = {
    path: options.path,
    headers: options.headers,
    subprotocols: [muxSubprotocol],
    text: false,
  };
  const open = (target: Target, timeoutMs: number): SocketDial => openSocket(target, upgrade, timeoutMs, options);
  return muxDriver(
    {
      protocol: "websocket",
      idPrefix: "ws",
      dial: (target, timeoutMs) => patientDial(target, timeoutMs, reconnects, open),
    },
    options.mux,
  );
}

/** A dial that waits first, if those before it failed. */
export function patientDial(
  target: Target,
  timeoutMs: number,
  reconnects: Reconnects,
  open: (target: Target, timeoutMs: number) => SocketDial,
): PipeDial {
  const { origin } = target;
  const waitMs = Math.min(reconnects.waitMs(origin), timeoutMs);
  let dial: SocketDial | undefined;
  let given: { readonly reason: unknown } | undefined;
  let wake = (): void => {};

  const opened = async (): Promise<OpenedPipe> => {
    if (waitMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (given !== undefined) throw aborted(target, given.reason);
    dial = open(target, timeoutMs - waitMs);
    try {
      const { socket, dialled } = await dial.opened;
      const openedAt = performance.now();
      socket.on("close", (code) => {
        const stoodMs = performance.now() - openedAt;
        if (code === 1000) reconnects.ended(origin, stoodMs);
        else reconnects.failed(origin, stoodMs);
      });
      return { pipe: socketPipe(socket, dialled.socket), times: momentsOf(dialled), facts: factsOf(dialled) };
    } catch (error) {
      // Whoever gave it up says nothing about the peer.
      if (given === undefined) reconnects.failed(origin, 0);
      throw error;
    }
  };

  return {
    get phase() {
      return dial?.phase ?? "connect";
    },
    opened: opened(),
    cancel(reason) {
      given ??= { reason };
      wake();
      dial?.cancel(reason);
    },
  };
}
