import { isTransportError, type Phase, type Target, type TransportError } from "@holdfast/transport";
import { aborted, dialHeld } from "./errors.ts";
import type { OpenedSocket, SocketDial } from "./open-socket.ts";
import type { Reconnects } from "./reconnects.ts";

/** A dial that waits first, if those before it failed, and remembers how it went; all under one limit. */
export function patientDial(
  target: Target,
  timeoutMs: number,
  reconnects: Reconnects,
  open: (target: Target, timeoutMs: number) => SocketDial,
): SocketDial {
  const { origin } = target;
  const waitMs = reconnects.waitMs(origin);
  let dial: SocketDial | undefined;
  let given: { readonly reason: unknown } | undefined;
  let wake = (): void => {};

  const opened = async (): Promise<OpenedSocket> => {
    if (waitMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(waitMs, timeoutMs, 2 ** 31 - 1));
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    if (given !== undefined) throw aborted(target, given.reason);
    if (waitMs >= timeoutMs) throw dialHeld(target, timeoutMs, reconnects.lastError(origin));
    dial = open(target, timeoutMs - waitMs);
    try {
      const made = await dial.opened;
      const openedAt = performance.now();
      made.socket.on("close", (code) => {
        const stoodMs = performance.now() - openedAt;
        if (code === 1000) reconnects.ended(origin, stoodMs);
        else reconnects.failed(origin, stoodMs);
      });
      return made;
    } catch (error) {
      // Whoever gave it up says nothing about the peer.
      if (given === undefined) reconnects.failed(origin, 0, lastOf(error));
      throw error;
    }
  };

  return {
    get phase(): Phase {
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

function lastOf(error: unknown): TransportError | undefined {
  return isTransportError(error) ? error : undefined;
}
