import type { Pipe } from "@holdfast/exchange";
import type { RawData, WebSocket } from "ws";

/** A WebSocket that was accepted, as the pipe that exchanges run over. It is the pipe's from then on. */
export function websocketPipe(socket: WebSocket): Pipe {
  let cause: Error | undefined;
  return {
    start: (listener) => {
      socket.on("message", (data: RawData, isBinary: boolean) => {
        listener.message(isBinary ? (data as Buffer) : (data as Buffer).toString());
      });
      socket.on("error", (error) => (cause ??= error));
      socket.once("close", (code, reason) => {
        const wanted = code === 1_000 || code === 1_001;
        listener.closed(
          cause ?? (wanted ? undefined : new Error(`the socket was closed with ${code} ${String(reason)}`)),
        );
      });
    },
    send: (message, written) => socket.send(message, () => written()),
    close: (code, reason) => socket.close(code, reason),
    destroy: (reason) => {
      if (reason instanceof Error) cause ??= reason;
      socket.terminate();
    },
  };
}
