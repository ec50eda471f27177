import {
  type Answering,
  answerOver,
  type AnswerOptions,
  muxSubprotocol,
  type ServedRequest,
  type ServedResponse,
  socketPipe,
} from "@holdfast/exchange";
import { numbersOf } from "./in-process.ts";
import type { Server, ServerOptions } from "./server.ts";
import { startWs } from "./ws.ts";

/**
 * Exchanges by `holdfast.mux.v1` on sockets that `ws` has accepted. `settings` are `maxPayload`; `maxStreams` and
 * `idleTimeoutMs` of `answerOver`; `maxRequests`, after which it drains the socket.
 */
export function startMux(options: ServerOptions): Promise<Server> {
  const { maxStreams, idleTimeoutMs, maxRequests } = numbersOf(options.settings);
  const limits: AnswerOptions = {
    ...(maxStreams !== undefined && { maxStreams }),
    ...(idleTimeoutMs !== undefined && { idleTimeoutMs }),
  };
  return startWs(
    options,
    (socket, wire, log) => {
      let requests = 0;
      const answer = async ({ headers, url, body }: ServedRequest): Promise<ServedResponse> => {
        log(String(headers["x-request-id"]));
        if (++requests === maxRequests) void answering.drain();
        await body.bytes();
        return { body: url.pathname };
      };
      const answering: Answering = answerOver(socketPipe(socket, wire), answer, limits);
    },
    muxSubprotocol,
  );
}
