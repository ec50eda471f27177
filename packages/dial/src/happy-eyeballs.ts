import { connect, type Socket } from "node:net";
import { ignoreLateErrors } from "./late-errors.ts";
import type { Address } from "./resolve.ts";

/** RFC 8305, 5: the "Connection Attempt Delay". */
const attemptDelayMs = 250;

/** An idle connection is probed after this silence, so that a middlebox keeps it and a dead peer is noticed. */
const keepAliveMs = 60_000;

/** RFC 8305, 4: the families take turns, beginning with the one that the resolver put first; else the order is kept. */
export function alternateFamilies(addresses: readonly Address[]): readonly Address[] {
  const first = addresses[0]?.family;
  const preferred = addresses.filter(({ family }) => family === first);
  const others = addresses.filter(({ family }) => family !== first);
  const ordered: Address[] = [];
  for (let i = 0; i < preferred.length || i < others.length; i++)
    ordered.push(...preferred.slice(i, i + 1), ...others.slice(i, i + 1));
  return ordered;
}

/**
 * Connects to the first address that answers (RFC 8305, 5). The next attempt starts 250 ms after the one before, or at
 * once when one fails; a slow attempt lives on until another has won, unlike those of node's `autoSelectFamily`
 * (nodejs/node#54359). The caller owns the winner; aborting ends all attempts.
 *
 * Rejects with the error of the only address, or with an `AggregateError` that has the code of the first.
 */
export function raceTcp(
  addresses: readonly Address[],
  open: (address: Address) => Socket,
  signal: AbortSignal,
): Promise<Socket> {
  const waiting = [...alternateFamilies(addresses)];
  const attempts = new Set<Socket>();
  const errors: Error[] = [];
  let timer: NodeJS.Timeout | undefined;
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      for (const attempt of attempts) attempt.destroy();
      attempts.clear();
    };
    const abort = (): void => {
      finish();
      reject(signal.reason as Error);
    };
    const start = (address: Address | undefined = waiting.shift()): void => {
      clearTimeout(timer);
      if (address === undefined) return;
      const attempt = open(address);
      const win = (): void => {
        attempts.delete(attempt);
        attempt.off("error", fail);
        finish();
        resolve(attempt);
      };
      const fail = (error: Error): void => {
        attempt.off("connect", win);
        attempts.delete(attempt);
        errors.push(error);
        if (waiting.length > 0) return start();
        if (attempts.size > 0) return;
        finish();
        reject(errors.length === 1 ? error : allFailed(errors));
      };
      attempts.add(attempt.once("connect", win).once("error", fail));
      if (waiting.length > 0) timer = setTimeout(start, attemptDelayMs);
    };
    signal.addEventListener("abort", abort, { once: true });
    start();
  });
}

/** One attempt. */
export function openTcp({ address, family }: Address, port: number): Socket {
  const socket = connect({
    host: address,
    port,
    family,
    autoSelectFamily: false,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
  });
  return ignoreLateErrors(socket);
}

function allFailed(errors: readonly Error[]): AggregateError {
  const shown = errors.slice(0, 3).map(({ message }) => message);
  const more = errors.length > shown.length ? `, and ${errors.length - shown.length} more` : "";
  const error = new AggregateError(errors, `none of ${errors.length} addresses answered: ${shown.join(", ")}${more}`);
  return Object.assign(error, { code: (errors[0] as NodeJS.ErrnoException).code });
}
