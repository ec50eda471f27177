import { constants, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** What is asked, and told, when a session is about to end. */
export interface SessionEnd {
  /** Streams are open. */
  readonly busy: boolean;
  /** The session ends under its streams: no other is served. */
  ending(): void;
}

/**
 * From now on the session ends only when nothing of it waits in its socket any more, whoever ends it, node included.
 *
 * A stream whose block of fields has begun and not ended holds memory that its session counts, and node aborts the process
 * (`Http2Session::~Http2Session`, an assertion) if it frees the session first. It frees a stream in the turn after it was
 * destroyed, but leaves it to the collector, or to the end of the process, while something of it waits in the socket; and the
 * session may be collected as soon as it was destroyed. So the socket is closed before the streams are destroyed, and the native
 * part of the session is held until a turn later.
 */
export function endAfterSocket(session: ServerHttp2Session, socket: Socket, end: SessionEnd): void {
  const destroy = session.destroy.bind(session);
  let closed = false;
  let last: (() => void) | undefined;
  session.destroy = (error?: Error, code?: number): void => {
    if (last !== undefined) return;
    // On Node 22 a stack that nobody has read holds the native part.
    void error?.stack;
    if (!end.busy || session.destroyed || closed) return destroy(error, code);
    last = () => destroy(error, code);
    end.ending();
    if (socket.destroyed) return;
    session.goaway(code ?? (error === undefined ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR));
    // By then GOAWAY has left, if there was room for it.
    setImmediate(() => socket.destroy());
  };
  // Before node hears of it, which would end the session without its error.
  socket.prependOnceListener("close", () => {
    closed = true;
    last?.();
  });
  hold(session);
}

/** Where node keeps the part of a session that is not JavaScript, which is freed when it is collected: a symbol of its own. */
let handleKey: symbol | undefined;

/** Keeps the native part until the turn after the end. A function of its own: who waits for an answer to SETTINGS must not see it. */
function hold(session: ServerHttp2Session): void {
  handleKey ??= Object.getOwnPropertySymbols(session).find(({ description }) => description === "kHandle");
  const handle = handleKey && (session as unknown as { readonly [key: symbol]: object | undefined })[handleKey];
  session.once("close", () => setImmediate(letGo, handle));
}

function letGo(_handle: object | undefined): void {}
