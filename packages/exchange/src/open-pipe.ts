import type { ConnectionOwner, DialTimes, DriverConnection, DriverDial } from "@holdfast/pool";
import { isTransportError, type Phase } from "@holdfast/transport";
import { MuxConnection } from "./connection.ts";
import {
  aborted,
  closedBeforeSettings,
  dialTimeout,
  type Endpoints,
  notConnected,
  otherProtocol,
  settingsTimeout,
} from "./errors.ts";
import type { ParsedMuxOptions } from "./options.ts";
import type { Pipe } from "./pipe.ts";

/** How a pipe serves its exchanges, told to whoever decides how long to wait for the next pipe. */
export interface PipeUse {
  /** Its first exchange has an answer. */
  answered(): void;
  /** It is lost, or given up, under exchanges. Told before the pool dials another. */
  interrupted(): void;
}

/** A pipe that stands, and what is known of it. */
export interface OpenedPipe {
  readonly pipe: Pipe;
  readonly times?: DialTimes;
  readonly facts?: DriverConnection["facts"];
  readonly use?: PipeUse;
}

/** A pipe in the making. */
export interface PipeDial {
  /** Where it is now. */
  readonly phase: Phase;
  /** A rejection that is no `TransportError` becomes `CONNECT_FAILED`. */
  readonly opened: Promise<OpenedPipe>;
  /** Rejects `opened`, or destroys the pipe that it still may give. */
  cancel(reason: unknown): void;
}

/** Opens a pipe, then waits for the peer's SETTINGS, all under one limit. */
export function openPipe(
  of: Endpoints,
  owner: ConnectionOwner,
  timeoutMs: number,
  dial: PipeDial,
  options: ParsedMuxOptions,
): DriverDial {
  let phase: Phase | undefined;
  let over = false;
  const { promise: opened, resolve, reject } = Promise.withResolvers<DriverConnection>();
  let end = (reason: unknown): void => dial.cancel(reason);
  const settle = (): boolean => {
    const first = !over;
    over = true;
    clearTimeout(timer);
    return first;
  };
  const fail = (error: unknown): void => {
    if (!settle()) return;
    reject(isTransportError(error) ? error : notConnected(of, error));
    end(error);
  };
  const timer = setTimeout(
    () => fail(phase === undefined ? dialTimeout(of, timeoutMs, dial.phase) : settingsTimeout(of, timeoutMs)),
    Math.min(timeoutMs, 2 ** 31 - 1),
  );
  dial.opened
    .then((pipe) => {
      if (over) return pipe.pipe.destroy();
      phase = "secure";
      const connection = new MuxConnection(pipe, owner, options, {
        settled: () => {
          if (settle()) resolve(connection);
        },
        // It closes by itself, after it has told the peer why.
        failed: (error, violation) => {
          if (settle()) reject(violation ? otherProtocol(of, error as Error) : closedBeforeSettings(of, error));
        },
      });
      end = (reason) => connection.destroy(reason);
      connection.start();
    })
    .catch(fail);
  return {
    get phase() {
      return phase ?? dial.phase;
    },
    opened,
    cancel: (reason) => fail(aborted(of, reason)),
  };
}
