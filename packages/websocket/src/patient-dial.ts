import type { PipeUse } from "@holdfast/exchange";
import { isTransportError, type Phase, type Target, type TransportError } from "@holdfast/transport";
import { aborted, dialHeld } from "./errors.ts";
import type { OpenedSocket, SocketDial } from "./open-socket.ts";
import type { Reconnects } from "./reconnects.ts";

/** A socket that stands. Its user says how it did, which decides how long the next dial waits. */
export interface UsedSocket extends OpenedSocket {
  readonly use: PipeUse;
}

export interface PatientDial extends Omit<SocketDial, "opened"> {
  /** Rejects with a `TransportError`, delivery `not-sent`. */
  readonly opened: Promise<UsedSocket>;
}

/** A dial that waits first, if those before it failed, and remembers how it went; all under one limit. */
export function patientDial(
  target: Target,
  timeoutMs: number,
  reconnects: Reconnects,
  open: (target: Target, timeoutMs: number) => SocketDial,
): PatientDial {
  const { origin } = target;
  const waitMs = reconnects.waitMs(origin);
  let dial: SocketDial | undefined;
  let given: { readonly reason: unknown } | undefined;
  let wake = (): void => {};

  const opened = async (): Promise<UsedSocket> => {
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
      return { ...made, use: followUse(made, origin, reconnects) };
    } catch (error) {
      // Whoever gave it up says nothing about the peer.
      if (given === undefined) reconnects.failed(origin, lastOf(error));
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

/** Counts each socket once at most. One that has answered, and left nothing unanswered, has done its work however it ends. */
function followUse({ socket }: OpenedSocket, origin: string, reconnects: Reconnects): PipeUse {
  const openedAt = performance.now();
  let answered = false;
  let counted = false;
  const lost = (): void => {
    if (counted) return;
    counted = true;
    reconnects.lost(origin, { stoodMs: performance.now() - openedAt, answered });
  };
  socket.on("close", (code) => {
    if (answered) return;
    if (code === 1000) reconnects.ended(origin, performance.now() - openedAt);
    else lost();
  });
  return {
    answered: () => {
      answered = true;
      reconnects.answered(origin);
    },
    interrupted: lost,
  };
}

function lastOf(error: unknown): TransportError | undefined {
  return isTransportError(error) ? error : undefined;
}
