import type { Socket } from "node:net";

/** Ends a connection with RST. One whose end is on its way cannot be: node would keep it for ever, so it is destroyed. */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
