import type { Socket } from "node:net";

/**
 * Reads an answer from a socket and nothing beyond it. `take` gets each chunk; it returns undefined to get more, or what
 * it did not want, which the socket then yields again; it throws to refuse. The socket is not flowing afterwards.
 *
 * Rejects with an error whose message completes "the proxy …".
 */
export function readAnswer(socket: Socket, take: (chunk: Buffer) => Buffer | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const release = (): void =>
      void socket.off("readable", read).off("end", closed).off("error", closed).off("close", closed);
    const read = (): void => {
      try {
        for (let chunk = next(socket); chunk !== null; chunk = next(socket)) {
          const rest = take(chunk);
          if (rest === undefined) continue;
          release();
          if (rest.byteLength > 0) socket.unshift(rest);
          resolve();
          return;
        }
      } catch (error) {
        release();
        reject(error);
      }
    };
    const closed = (cause?: Error | boolean): void => {
      release();
      reject(new Error("closed the connection before it answered", cause instanceof Error ? { cause } : undefined));
    };
    socket.on("readable", read).once("end", closed).once("error", closed).once("close", closed);
  });
}

function next(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
