import { constants, type Http2ServerResponse, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { RequestBody } from "./body.ts";
import { maxTimerMs } from "./check-options.ts";

/** What ending an exchange means on a protocol. */
export interface Wire {
  /** Ends it now, so that the client cannot take what it has for the whole. */
  cut(): void;
  /** Calls back, in another turn, when the head and what was written behind it have left, as far as the client takes them. */
  afterHead(then: () => void): void;
  /** Writing another number of bytes than the answer says fails from now on; undefined for an answer of our own. */
  holdTo(answer: Response | undefined): void;
  /** No exchange shall follow on the connection. Called before the head is sent; HTTP/2 has GOAWAY for it. */
  last(): void;
  /** The response has left, the request has not ended. */
  leave(body: RequestBody): void;
}

/** An unread body up to this is read and thrown away, so that the connection can go on; a longer one ends it. As in Go. */
const maxDrainBytes = 262_144;
/** How long a client is read after the response that it did not wait for. Closing at once would make a reset, which can overtake it (RFC 9112, 9.6). */
const lingerMs = 1_000;

const lingering: WeakSet<Socket> = new WeakSet();

/** The connection has said its last: requests that come now are not served. */
export function isLingering(socket: Socket): boolean {
  return lingering.has(socket);
}

export function http1Wire(request: IncomingMessage, response: ServerResponse): Wire {
  const { socket } = request;
  return {
    cut: () => void socket.destroy(),
    afterHead: (then) => {
      response.flushHeaders();
      // By then what node held back to send it in one piece has gone to the socket.
      setImmediate(then);
    },
    // The rest of a body would be the head of the next response.
    holdTo: () => void (response.strictContentLength = true),
    last: () => {
      response.shouldKeepAlive = false;
      // With this node ends a connection after a response that says `Connection: close`.
      if (!request.complete) socket.destroySoon = (): void => linger(socket);
    },
    leave: (body) => {
      body.discard();
      if (!isLingering(socket)) {
        if (body.restBytes <= maxDrainBytes) socket.resume();
        else linger(socket);
      }
    },
  };
}

/** `bodyGapMs` is how long a client may leave unread that a stream was cut. */
export function http2Wire(response: Http2ServerResponse, bodyGapMs: number): Wire {
  const { stream } = response;
  return {
    // Node aborts the process if a stream ends in the turn that wrote its head (22 and 26).
    cut: () => afterHead(stream.session, () => cutStream(stream, bodyGapMs)),
    afterHead: (then) => afterHead(stream.session, then),
    holdTo: holderOf(response),
    last: () => {},
    leave: (body) => {
      body.discard();
      // A client may stop sending and shall keep the response (RFC 9113, 8.1), but node's own loses what it has not read.
      const timer = setInterval(() => {
        // An end that waits for the client's window would be lost. Until it reads, it is not read either.
        if (isEndSent(stream)) stream.close(constants.NGHTTP2_NO_ERROR);
        else stream.pause();
      }, lingerMs);
      stream.once("close", () => clearInterval(timer));
      stream.resume();
    },
  };
}

/** A reset waits behind what the client does not read; if it has not left within `bodyGapMs`, the session ends. */
export function cutStream(stream: ServerHttp2Stream, bodyGapMs: number): void {
  stream.close(constants.NGHTTP2_CANCEL);
  if (bodyGapMs > maxTimerMs) return;
  const timer = setTimeout(() => stream.session?.destroy(), bodyGapMs).unref();
  stream.once("close", () => clearTimeout(timer));
}

/** A reset overtakes the head of its stream while that is queued. A client that does not read is not waited for. */
function afterHead(session: Http2Session | undefined, then: () => void, turns = 50): void {
  setImmediate(() => {
    if (turns === 0 || session === undefined || session.destroyed || session.state.outboundQueueSize === 0) then();
    else afterHead(session, then, turns - 1);
  });
}

/** What node's `strictContentLength` is on HTTP/1.1. Without it only the client would see that the length is wrong. */
function holderOf(response: Http2ServerResponse): Wire["holdTo"] {
  let left: number | undefined;
  const check = (bytes: number, atEnd: boolean): void => {
    if (left === undefined) return;
    left -= bytes;
    if (left < 0 || (atEnd && left > 0)) throw new Error("the response is not as long as its content-length");
  };
  return (answer) => {
    left = answer === undefined ? undefined : lengthOf(answer, response.req.method);
    if (left === undefined) return;
    const write = response.write.bind(response);
    response.write = (chunk: Uint8Array | string): boolean => {
      check(Buffer.byteLength(chunk), false);
      return write(chunk);
    };
    const end = response.end.bind(response);
    response.end = (last?: unknown) => {
      check(0, true);
      return end(last as string);
    };
  };
}

/** What a response says of the length of its body, if it has one. */
function lengthOf({ status, headers }: Response, method: string): number | undefined {
  const length = headers.get("content-length");
  return length === null || method === "HEAD" || status === 204 || status === 304 ? undefined : Number(length);
}

/** The end of the response has been written to the connection: END_STREAM. */
export function isEndSent({ state }: ServerHttp2Stream): boolean {
  return state.localClose === 1;
}

function linger(socket: Socket): void {
  if (isLingering(socket)) return;
  lingering.add(socket);
  const destroy = (): void => void socket.destroy();
  const timer = setTimeout(destroy, lingerMs);
  socket.once("close", () => clearTimeout(timer));
  socket.once("end", destroy);
  socket.end();
  socket.resume();
}
