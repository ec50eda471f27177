import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { maxTimerMs } from "./check-options.ts";
import type { PingOptions } from "./upgrade-options.ts";

/**
 * Finds a client that has gone silent: after `intervalMs` without a byte it is asked, and without a byte in the next
 * `timeoutMs` its connection is ended. A socket that we do not read proves nothing, so then nobody is judged.
 *
 *     listening ──► asked ──► ended
 *         ▲           │
 *         └───────────┘
 *
 * Stops when the socket closes. Its timer never keeps the process alive.
 */
export function watchLiveness(socket: WebSocket, wire: Socket, { intervalMs, timeoutMs }: Required<PingOptions>): void {
  if (intervalMs > maxTimerMs) return;
  let asked = false;
  let seen = wire.bytesRead;
  let timer: NodeJS.Timeout;
  const listen = (ms: number): void => {
    // A process that was frozen wakes up to a late timer: what has come meanwhile is read before it is judged.
    timer = setTimeout(() => setImmediate(judge), Math.min(ms, maxTimerMs)).unref();
  };
  const judge = (): void => {
    if (socket.readyState === socket.CLOSED) return;
    const silent = wire.bytesRead === seen && !socket.isPaused;
    if (silent && asked) return socket.terminate();
    asked = silent && socket.readyState === socket.OPEN;
    seen = wire.bytesRead;
    if (asked) socket.ping();
    listen(asked ? timeoutMs : intervalMs);
  };
  socket.on("pong", () => {
    if (!asked) return;
    asked = false;
    clearTimeout(timer);
    listen(intervalMs);
  });
  socket.once("close", () => clearTimeout(timer));
  listen(intervalMs);
}
