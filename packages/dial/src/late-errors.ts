import type { Socket } from "node:net";

/** Keeps an error that comes while nobody else listens from ending the process: a reset between two owners. */
export function ignoreLateErrors<S extends Socket>(socket: S): S {
  socket.on("error", ignore);
  return socket;
}

function ignore(): void {}
