import type { Socket } from "node:net";

/**
 * Ends a connection with RST, beneath TLS if there is some. One whose end is on its way cannot be: node would keep it for ever,
 * so it is destroyed. Under TLS only the upper socket knows.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else beneath(socket).resetAndDestroy();
}

/** The socket beneath TLS, or this one. */
export function beneath(socket: Socket): Socket {
  return (socket as Socket & { readonly _parent?: Socket })._parent ?? socket;
}
