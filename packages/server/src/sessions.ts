import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { maxSetting, maxTimerMs } from "./check-options.ts";
import { endAfterSocket } from "./end-session.ts";
import { Exchange } from "./exchange.ts";
import type { ServeSettings } from "./options.ts";
import { ResetBudget } from "./reset-budget.ts";
import { cutStream, http2Wire, isEndSent } from "./wire.ts";

/** How much a client may send ahead of the handlers: on one stream, and on all of a session. */
const streamWindowBytes = 262_144;
const sessionWindowBytes = 2 ** 20;
/** `:method`, `:scheme`, `:authority`, `:path`. */
const pseudoFields = 4;
/**
 * What node counts for a session (`maxSessionMemory`, in MB); at more it resets new streams with ENHANCE_YOUR_CALM. It never
 * takes off what was handed to it and not yet sent on a stream that is cut short, though it frees it (22 to 26). So the count may
 * be large, and a session is ended in peace when half of it is such bytes.
 */
const maxSessionMegabytes = 1_024;
const maxUnsentBytes = (maxSessionMegabytes / 2) * 1_000_000;
/** How long a session that rested too long may take to end. */
const farewellMs = 1_000;

/** Node's server for HTTP/2, which never listens: it is handed connections. Made of one, the sessions that it has. */
export class Http2Sessions {
  readonly #server: Http2Server;
  readonly #settings: ServeSettings;
  readonly #sessions: Map<ServerHttp2Session, Session> = new Map();
  #draining = false;
  #emptied: PromiseWithResolvers<void> | undefined;

  constructor(settings: ServeSettings) {
    this.#settings = settings;
    const { limits } = settings;
    this.#server = createServer({
      maxSessionMemory: maxSessionMegabytes,
      maxHeaderListPairs: Math.min(limits.maxFields + pseudoFields + 1, 2 ** 31 - 1),
      settings: {
        enablePush: false,
        maxConcurrentStreams: Math.min(limits.maxStreams, maxSetting),
        maxHeaderListSize: Math.min(limits.headBytes, maxSetting),
        initialWindowSize: streamWindowBytes,
      },
    });
    this.#server.on("request", (request, response) => this.#serve(request, response));
    this.#server.on("checkContinue", (request, response) => {
      if (Number(request.headers["content-length"] ?? 0) <= limits.bodyBytes) response.writeContinue();
      this.#serve(request, response);
    });
    // What a peer breaks is its session, which node has ended already.
    this.#server.on("sessionError", () => {});
  }

  /** The socket is the session's from now on. */
  add(socket: Socket): void {
    const made = (session: ServerHttp2Session): void => this.#add(session, socket);
    this.#server.once("session", made).emit("connection", socket);
    this.#server.off("session", made);
  }

  drain(): void {
    this.#draining = true;
    for (const session of this.#sessions.keys()) session.close();
  }

  /** Settles when there is none, nor a stream of one. */
  async empty(): Promise<void> {
    if (this.#sessions.size > 0) await (this.#emptied ??= Promise.withResolvers()).promise;
  }

  #add(session: ServerHttp2Session, socket: Socket): void {
    if (this.#draining) return session.destroy();
    const { limits, timeouts } = this.#settings;
    session.setLocalWindowSize(sessionWindowBytes);
    const state = new Session(session, timeouts.idleMs, limits.maxResets);
    this.#sessions.set(session, state);
    endAfterSocket(session, socket, state);
    session.on("stream", (stream) => state.opened(stream));
    session.once("close", () => {
      state.stop();
      void state.still().then(() => {
        this.#sessions.delete(session);
        if (this.#sessions.size === 0) this.#emptied?.resolve();
      });
    });
  }

  #serve(request: Http2ServerRequest, response: Http2ServerResponse): void {
    const { stream } = request;
    const session = stream.session === undefined ? undefined : this.#sessions.get(stream.session as ServerHttp2Session);
    // Reset before we came to it: nobody waits for an answer, so no handler runs.
    if (session === undefined || session.over || stream.destroyed || stream.closed) return;
    const { limits, timeouts } = this.#settings;
    if (session.handlers >= limits.maxStreams) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
    const exchange = new Exchange(request, response, http2Wire(response, timeouts.bodyGapMs), this.#settings);
    keepEnd(stream);
    watchSilence(stream, exchange, timeouts.bodyGapMs);
    if (!stream.endAfterHeaders) watchEnd(stream, exchange, timeouts.requestMs);
    session.handlers += 1;
    void exchange.run(this.#draining).finally(() => (session.handlers -= 1));
  }
}

/** One session: whether it rests, what its client has reset, and what that has left behind. */
class Session {
  /** Handlers under way, those of streams that are gone included. */
  handlers = 0;
  /** It ends under its streams: what still comes is not served. */
  over = false;
  readonly #session: ServerHttp2Session;
  readonly #idleMs: number;
  readonly #resets: ResetBudget;
  #streams = 0;
  #unsentBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #stilled: PromiseWithResolvers<void> | undefined;

  constructor(session: ServerHttp2Session, idleMs: number, maxResets: number) {
    this.#session = session;
    this.#idleMs = idleMs;
    this.#resets = new ResetBudget(maxResets);
    this.#rest();
  }

  opened(stream: ServerHttp2Stream): void {
    clearTimeout(this.#timer);
    this.#streams += 1;
    const destroy = stream._destroy.bind(stream);
    // The last moment at which the stream tells it.
    stream._destroy = (error, callback): void => {
      this.#unsent(stream.writableLength);
      destroy(error, callback);
    };
    stream.once("close", () => {
      // Resets of ours count as well: a client can provoke them (CVE-2025-8671).
      if (stream.aborted && !this.#resets.take(performance.now())) {
        const reason = new Error("the client resets more streams than limits.maxResets allows");
        this.#session.destroy(reason, constants.NGHTTP2_ENHANCE_YOUR_CALM);
      }
      this.#streams -= 1;
      if (this.#streams > 0) return;
      this.#stilled?.resolve();
      this.#rest();
    });
  }

  get busy(): boolean {
    return this.#streams > 0;
  }

  ending(): void {
    this.over = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Settles when no stream is left. */
  async still(): Promise<void> {
    if (this.busy) await (this.#stilled ??= Promise.withResolvers()).promise;
  }

  #unsent(bytes: number): void {
    this.#unsentBytes += bytes;
    if (this.#unsentBytes > maxUnsentBytes && !this.#session.closed) this.#session.close();
  }

  #rest(): void {
    if (this.#session.closed || this.#session.destroyed || this.#idleMs > maxTimerMs) return;
    this.#timer = setTimeout(() => {
      this.#session.close();
      // A head that was begun and never ended is a stream that only node knows, and waits for.
      this.#timer = setTimeout(() => this.#session.destroy(), farewellMs).unref();
    }, this.#idleMs).unref();
  }
}

/**
 * Node resets a stream whose request nobody has read as soon as the response was handed to it, and the reset overtakes an end
 * that waits for the client's window (22 to 26). What is read is closed when both ends have passed.
 */
function keepEnd(stream: ServerHttp2Stream): void {
  if (stream.endAfterHeaders) stream.resume();
  else stream.once("finish", () => stream.readableFlowing ?? stream.resume());
}

/** A stream of which nothing moves is ended if that is the client's doing. */
function watchSilence(stream: ServerHttp2Stream, exchange: Exchange, bodyGapMs: number): void {
  if (bodyGapMs > maxTimerMs) return;
  stream.setTimeout(bodyGapMs);
  stream.on("timeout", () => {
    // What was handed to node and still waits, be it the end alone, waits for the client's window.
    if (stream.writableLength > 0 || (stream.writableFinished && !isEndSent(stream))) cutStream(stream, bodyGapMs);
    else if (exchange.owed) exchange.timeOut();
    else stream.setTimeout(bodyGapMs);
  });
}

function watchEnd(stream: ServerHttp2Stream, exchange: Exchange, requestMs: number): void {
  if (requestMs > maxTimerMs) return;
  const timer = setTimeout(() => exchange.sent || exchange.timeOut(), requestMs).unref();
  stream.once("close", () => clearTimeout(timer));
}
