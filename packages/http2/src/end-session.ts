import { type ClientHttp2Session, constants } from "node:http2";
import type { Socket } from "node:net";
import { nativeHandle } from "./native-handle.ts";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** What is asked, and told, when a session is about to end. */
export interface SessionEnd {
  /** Streams are open. */
  readonly busy: boolean;
  /** The session ends under its streams: no other may be opened, and those that are open are told soon. */
  ending(error: Error | undefined): void;
}

/** In it whatever is said at the end has left, if there is room for it at all. */
const lastWordsMs = 1_000;

/**
 * From now on the session ends only when nothing of it waits in its socket any more, whoever ends it, node included.
 *
 * A stream whose header block has begun and not ended holds memory that its session counts, and node aborts the process
 * (`Http2Session::~Http2Session`, an assertion) if it frees the session first. It frees a stream in the turn after it was
 * destroyed, but leaves it to the collector, or to the end of the process, while something of it waits in the socket; and the
 * session may be collected as soon as it was destroyed. So the socket is closed before the streams are destroyed, and the native
 * part of the session is held until a turn later. Nor can a peer that does not read keep a session that has failed: node by itself
 * would wait for it.
 *
 * Nor is a peer waited for that sends no FIN, being stopped or out of reach: where no stream is left, nothing of value can come.
 *
 * @returns To be called when the session closes in good order: its socket is closed as soon as GOAWAY and FIN have left, or a
 * second later if the peer gives them no room.
 */
export function endAfterSocket(session: ClientHttp2Session, socket: Socket, end: SessionEnd): () => void {
  const destroy = session.destroy.bind(session);
  let closed = false;
  let last: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const lastWords = (): void => {
    if (!end.busy && !closed) timer ??= setTimeout(() => socket.destroy(), lastWordsMs).unref();
  };
  session.destroy = (error?: Error, code?: number): void => {
    if (last !== undefined) return;
    // On Node 22 a stack that nobody has read holds the native part, and a peer that never acknowledges SETTINGS makes that hold
    // the error.
    void error?.stack;
    if (!end.busy || session.destroyed || closed) {
      destroy(error, code);
      return lastWords();
    }
    last = () => destroy(error, code);
    end.ending(error);
    if (socket.destroyed) return;
    session.goaway(code ?? (error === undefined ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR));
    // By then GOAWAY has left, if there was room for it.
    setImmediate(() => socket.destroy());
  };
  // Before node hears of it, which would end the session without its error.
  socket.prependOnceListener("close", () => {
    closed = true;
    clearTimeout(timer);
    last?.();
  });
  // Node ends it with the session, and then waits for the peer to do the same.
  socket.once("finish", () => socket.destroy());
  hold(session);
  return lastWords;
}

/**
 * Keeps the native part until the turn after the end. It has a function of its own because what it holds itself, as whoever waits
 * for an answer to SETTINGS, must not see it: neither would ever be collected.
 */
function hold(session: ClientHttp2Session): void {
  const handle = nativeHandle(session);
  session.once("close", () => setImmediate(letGo, handle));
}

function letGo(_handle: object | undefined): void {}
