import type { IncomingMessage } from "node:http";
import { constants, type Http2ServerRequest, type ServerHttp2Stream } from "node:http2";
import { clientGone } from "./errors.ts";

/**
 * Counts and bounds the body of a request whoever reads it: the handler by way of srvx, a Node handler, or nobody. It sits
 * in `push`, which node's parsers call with what has come; nothing of srvx's reading changes.
 */
export class RequestBody {
  /** What has come, discarded bytes not counted. */
  bytes = 0;
  readonly #request: IncomingMessage | Http2ServerRequest;
  readonly #declaredBytes: number;
  readonly #maxBytes: number;
  readonly #tooLong: () => void;
  /** Its end was seen; undefined where the request itself can tell. */
  #whole: boolean | undefined;
  #discarding = false;

  /** `tooLong` is called once, when more than `maxBytes` have come; nothing more is given to the reader then. */
  constructor(request: IncomingMessage | Http2ServerRequest, maxBytes: number, tooLong: () => void) {
    this.#request = request;
    this.#declaredBytes = Number(request.headers["content-length"] ?? Infinity);
    this.#maxBytes = maxBytes;
    this.#tooLong = tooLong;
    if ("stream" in request) this.#watchEnd(request.stream);
    else keepSocket(request);
    const push = request.push.bind(request);
    request.push = (chunk: Uint8Array | null, encoding?: BufferEncoding): boolean => {
      if (chunk !== null) return this.#take(chunk) ? push(chunk, encoding) : true;
      if (this.#whole !== false) return push(null);
      request.destroy(clientGone());
      return false;
    };
  }

  /** All has come; some of it may be unread. */
  get complete(): boolean {
    return this.#whole ?? this.#request.complete;
  }

  /** The client is expected to send; false while the reader is behind, and after the end. */
  get owed(): boolean {
    const { readableLength, readableHighWaterMark } = this.#request;
    return !this.complete && (this.#discarding || readableLength < readableHighWaterMark);
  }

  /** Bytes that are still to come; infinite unless the client said how many. */
  get restBytes(): number {
    return this.#declaredBytes - this.bytes;
  }

  /** What comes from now on is thrown away. */
  discard(): void {
    this.#discarding = true;
  }

  /** False for what nobody shall get. */
  #take(chunk: Uint8Array): boolean {
    if (this.#discarding || this.#request.destroyed) return false;
    this.bytes += chunk.byteLength;
    if (this.bytes <= this.#maxBytes) return true;
    this.discard();
    this.#tooLong();
    return false;
  }

  /**
   * Node ends the body of a stream that was reset as if it were whole, before it says so. Unless all that was declared has
   * come, the end waits for what the rest of this turn brings.
   */
  #watchEnd(stream: ServerHttp2Stream): void {
    this.#whole = stream.state.state === constants.NGHTTP2_STREAM_STATE_HALF_CLOSED_REMOTE;
    const push = stream.push.bind(stream);
    let arrived = 0;
    stream.push = (chunk: Uint8Array | null, encoding?: BufferEncoding): boolean => {
      if (chunk !== null) {
        arrived += chunk.byteLength;
        return push(chunk, encoding);
      }
      if (this.#whole === true || stream.closed) return push(null);
      if (arrived === this.#declaredBytes) {
        this.#whole = true;
        return push(null);
      }
      setImmediate(() => {
        this.#whole = !stream.closed || (stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted);
        push(null);
      });
      return false;
    };
  }
}

/** Whether a request can have a body at all. */
export function hasBody(request: IncomingMessage | Http2ServerRequest): boolean {
  if ("stream" in request) return !request.stream.endAfterHeaders;
  const { headers } = request;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** A handler that cancels the body destroys the request, and node then the socket, with it the answer that is to come. */
function keepSocket(request: IncomingMessage): void {
  const destroy = request._destroy.bind(request);
  request._destroy = (error, callback): void => {
    if (request.socket.destroyed) destroy(error, callback);
    else callback(error);
  };
}
