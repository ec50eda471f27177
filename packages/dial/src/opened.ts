import type { Socket } from "node:net";

/** Settles with a socket's `event`; rejects with the socket's own error, or if it closes without one. */
export function opened(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    const release = (): void => void socket.off(event, succeed).off("error", fail).off("close", closed);
    const succeed = (): void => {
      release();
      resolve();
    };
    const fail = (error: Error): void => {
      release();
      reject(error);
    };
    const closed = (): void =>
      fail(Object.assign(new Error(`the socket was closed before ${event}`), { code: "ECONNRESET" }));
    socket.once(event, succeed).once("error", fail).once("close", closed);
  });
}
