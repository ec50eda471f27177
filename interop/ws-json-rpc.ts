import type { RawData, WebSocket } from "ws";
import { numbersOf } from "./in-process.ts";
import type { Server, ServerOptions } from "./server.ts";
import { startWs } from "./ws.ts";

/** The only method there is, `echo`, is given the request's number and what to answer. */
interface Call {
  readonly id: number;
  readonly params: readonly [id: string, text: string];
}

interface Limits {
  readonly idleTimeout?: number;
  readonly maxMessages?: number;
  readonly maxCalls?: number;
}

/**
 * A service of JSON-RPC 2.0 on a bare `ws`, as people write them: nothing of ours is in it. `settings` are `maxPayload`;
 * `idleTimeout`, the milliseconds after a message in which another must come, or it says 1001; `maxMessages`, after which it says 1012; `maxCalls`,
 * running at a time on a socket, above which it says 1013.
 */
export function startJsonRpc(options: ServerOptions): Promise<Server> {
  const limits: Limits = numbersOf(options.settings);
  return startWs(options, (socket, _, log) => serveCalls(socket, limits, log));
}

function serveCalls(socket: WebSocket, limits: Limits, log: (id: string) => void): void {
  const { idleTimeout, maxMessages = Infinity, maxCalls = Infinity } = limits;
  let messages = 0;
  let running = 0;
  let silence: NodeJS.Timeout | undefined;
  const rest = (): void => {
    clearTimeout(silence);
    if (idleTimeout !== undefined) silence = setTimeout(() => socket.close(1001), idleTimeout);
  };
  const answer = (id: number, result: string): void => {
    running--;
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, result }));
    if (messages === maxMessages && running === 0) socket.close(1012);
  };

  socket.on("close", () => clearTimeout(silence));
  socket.on("message", (data: RawData) => {
    // `ws` goes on to give out what comes behind its own close frame, when nothing can be answered any more.
    if (socket.readyState !== socket.OPEN || messages === maxMessages) return;
    if (running === maxCalls) return socket.close(1013);
    rest();
    messages++;
    running++;
    const { id, params } = JSON.parse((data as Buffer).toString()) as Call;
    log(params[0]);
    setImmediate(answer, id, params[1]);
  });
}
