import type { Dial, DialledSocket } from "@holdfast/dial";
import type { ConnectionOwner, DriverDial } from "@holdfast/pool";
import { isTransportError, type Target, type TransportError } from "@holdfast/transport";
import { aborted, noSession, settingsTimeout } from "./errors.ts";
import type { ParsedHttp2Options } from "./options.ts";
import { Http2Session } from "./session.ts";
import type { SessionFactory } from "./session-factory.ts";

/** Dials, then waits for the peer's SETTINGS, all under one limit. */
export function openSession(
  target: Target,
  owner: ConnectionOwner,
  timeoutMs: number,
  push: boolean,
  options: ParsedHttp2Options,
  makeSession: SessionFactory,
): DriverDial {
  const dial = options.dialler.dial({
    target,
    secure: target.scheme === "https:",
    protocol: "h2",
    alpn: { offer: ["h2"], required: true },
    timeoutMs,
  });
  let cancel = (reason: unknown): void => dial.cancel(reason);
  let isDialled = false;

  const shakeHands = async (dialled: DialledSocket): Promise<Http2Session> => {
    let failure: TransportError | undefined;
    const { socket } = dialled;
    isDialled = true;
    const end = (error: TransportError): void => {
      failure ??= error;
      socket.destroy(error);
    };
    // Without it a TLS 1.3 alert, as for a missing client certificate, leaves the session waiting for ever.
    const onError = (error: Error): void => end(noSession(target, error));
    cancel = (reason) => end(aborted(target, reason));
    const timer = setTimeout(() => end(settingsTimeout(target, timeoutMs)), left(dial, timeoutMs));
    socket.on("error", onError);
    try {
      const session = await makeSession(socket, target, push ? options.pushSession : options.session);
      return new Http2Session(session, dialled, owner, options, push);
    } catch (error) {
      socket.destroy();
      throw failure ?? (isTransportError(error) ? error : noSession(target, error as Error));
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    get phase() {
      return isDialled ? "secure" : dial.phase;
    },
    opened: dial.done.then(shakeHands),
    cancel: (reason) => cancel(reason),
  };
}

function left({ startedAt }: Dial, timeoutMs: number): number {
  return Math.min(Math.max(0, startedAt + timeoutMs - performance.now()), 2 ** 31 - 1);
}
