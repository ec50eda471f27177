import type { Socket } from "node:net";

/**
 * Keeps an error that comes while nobody else listens from ending the process: a reset after the dial, or a TLS 1.3 alert.
 * It is not lost: node keeps it in `socket.errored`.
 */
export function ignoreLateErrors<S extends Socket>(socket: S): S {
  socket.on("error", ignore);
  return socket;
}

function ignore(): void {}
