import { Goodbye } from "./goodbye.ts";
import { closeReason, type MessageSocket, openState, type WireSocket } from "./message-socket.ts";
import type { Pipe } from "./pipe.ts";

const plain = { compress: false } as const;

/**
 * An open WebSocket as a pipe. It is the pipe's from then on; nothing may have been read from it. Without `wire`, the socket
 * beneath, nobody can say that it shall not keep the process alive.
 */
export function socketPipe(socket: MessageSocket, wire?: WireSocket): Pipe {
  const goodbye = new Goodbye(socket);
  let failure: Error | undefined;
  return {
    start(listener) {
      socket.on("message", (data, isBinary) => listener.message(isBinary ? (data as Buffer) : String(data)));
      socket.on("error", (error) => {
        failure ??= error;
      });
      socket.on("close", (code, reason) => {
        // A peer's reason goes into messages and logs, so it must not break a line.
        const why = reason.toString().replace(/\p{Cc}/gu, " ");
        const text = `the WebSocket was closed with ${code} ${why}`.trimEnd();
        listener.closed(failure ?? (code === 1000 || code === 1005 ? undefined : new Error(text)));
      });
      // Whoever opened it may have held it until somebody listens.
      if (socket.isPaused) socket.resume();
    },
    get open() {
      return socket.readyState === openState && !goodbye.said;
    },
    send(message, written) {
      // One that is closed drops what it is given without a word, and says so by its end.
      if (socket.readyState !== openState) return written();
      goodbye.sending();
      socket.send(message, plain, () => {
        goodbye.left();
        written();
      });
    },
    close(code, reason) {
      // One that breaks the rules is not waited for.
      if (code === 1000) goodbye.say(code, closeReason(reason));
      else socket.close(code, closeReason(reason));
    },
    destroy(reason) {
      if (reason instanceof Error) failure ??= reason;
      socket.terminate();
    },
    hold: (alive) => void (alive ? wire?.ref() : wire?.unref()),
  };
}
