import {
  answerOver,
  type AnswerTimeouts,
  muxSubprotocol,
  type ServedRequest,
  type ServedResponse,
  socketPipe,
} from "@holdfast/exchange";
import type { ConnectionInfo, Fields } from "@holdfast/transport";
import type { WebSocket } from "ws";
import { failed, type Refusal, tooLong } from "./check-head.ts";
import { checkResponse, checkSendable } from "./check-response.ts";
import { clientGone, isConsequence } from "./errors.ts";
import type { ErrorHandler, FetchHandler } from "./fetch-handler.ts";
import { connectionFields } from "./response-fields.ts";
import type { ExchangeAcceptor } from "./upgrade.ts";

/** What answering exchanges over WebSocket needs of the options. */
export interface ExchangeSettings {
  readonly fetch: FetchHandler;
  readonly onError: ErrorHandler;
  readonly limits: {
    readonly headBytes: number;
    readonly maxFields?: number;
    readonly bodyBytes: number;
    readonly maxStreams: number;
    readonly maxResets: number;
  };
  readonly timeouts?: AnswerTimeouts;
}

/**
 * Each lives as long as the signal that it was made with: node refers but weakly from that one to the signal of the Request, so
 * that a handler that has kept nothing else would never be told.
 */
const requests: WeakMap<AbortSignal, Request> = new WeakMap();

/** Serves `holdfast.mux.v1`: each of its streams is a request for the same handler that serves HTTP. */
export function exchangeAcceptor(settings: ExchangeSettings): ExchangeAcceptor {
  const { headBytes, maxFields = 128, maxStreams, maxResets } = settings.limits;
  return {
    subprotocol: muxSubprotocol,
    accept: (socket: WebSocket, { tls }: ConnectionInfo) => {
      const answering = answerOver(socketPipe(socket), (request) => answer(request, settings), {
        secure: tls !== undefined,
        maxStreams: Math.min(maxStreams, 2 ** 31),
        limits: { headBytes: Math.min(headBytes, 65_535), bodyBytes: Infinity, maxFields, maxResets },
        // Where nothing was said, nothing could have been raised for long uploads.
        timeouts: settings.timeouts ?? { requestMs: Infinity },
        onError: (error, served) => void tell(error, served, settings),
        // The socket is watched whole, whatever runs on it.
        ping: { intervalMs: Infinity },
      });
      return { drain: () => void answering.drain({ deadlineMs: Infinity }) };
    },
  };
}

async function answer(served: ServedRequest, settings: ExchangeSettings): Promise<ServedResponse> {
  const { limits } = settings;
  // Fetch has none of them, however they are written.
  if (/^(?:connect|trace|track)$/i.test(served.method))
    return plain({ status: 501, reason: "this method is not served" });
  if (Number(served.headers["content-length"] ?? 0) > limits.bodyBytes) return plain(tooLong);
  const { promise: exceeded, resolve: exceed } = Promise.withResolvers<void>();
  let refused = false;
  const request = toRequest(served, limits.bodyBytes, () => {
    refused = true;
    exceed();
  });
  requests.set(served.signal, request);
  const handling = handled(request, served, settings);
  await Promise.race([handling, exceeded]);
  if (!refused) return handling;
  void handling.then(discard);
  return plain(tooLong);
}

/** Never rejects. */
async function handled(request: Request, served: ServedRequest, settings: ExchangeSettings): Promise<ServedResponse> {
  try {
    return toServed(checkSendable(checkResponse(await settings.fetch(request))), request.signal);
  } catch (error) {
    const instead = tell(error, served, settings);
    return instead === undefined ? plain(failed) : toServed(instead, request.signal);
  }
}

/** The body is longer than it may be, which its client is told. */
class TooLong extends Error {}

/** Tells of an error, unless there is nothing to tell, and gives what shall be sent for it. */
function tell(error: unknown, { signal }: ServedRequest, { onError }: ExchangeSettings): Response | undefined {
  const request = requests.get(signal);
  if (request === undefined || error instanceof TooLong) return undefined;
  const { aborted, reason } = request.signal;
  if (aborted && (isConsequence(error, reason) || isConsequence(error, signal.reason))) return undefined;
  try {
    const instead = onError(error, request) ?? undefined;
    return instead && checkSendable(checkResponse(instead));
  } catch {
    return undefined;
  }
}

/** A response that nobody waits for: its maker shall know. */
function discard({ body }: ServedResponse): void {
  if (typeof body === "object" && !(body instanceof Uint8Array)) void body[Symbol.asyncIterator]().return?.();
}

function toRequest(served: ServedRequest, maxBytes: number, exceeded: () => void): Request {
  const { method, url, headers, body } = served;
  const init = { method, headers: new Headers([...pairsOf(headers)]), signal: signalOf(served) };
  if (/^(?:get|head)$/i.test(method) || headers["content-length"] === "0") return new Request(url, init);
  return new Request(url, { ...init, body: bounded(body, maxBytes, exceeded), duplex: "half" });
}

/** Fires with an AbortError, or the TimeoutError of a deadline, where the kit says how the connection was lost. */
function signalOf({ signal }: ServedRequest): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => {
    const reason: unknown = signal.reason;
    controller.abort(reason instanceof DOMException ? reason : clientGone(reason));
  };
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return controller.signal;
}

/** Pulled only as the handler reads, so that the client is made to wait. */
function bounded(body: ServedRequest["body"], maxBytes: number, exceeded: () => void): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  let bytes = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next();
        if (done === true) return controller.close();
        bytes += value.byteLength;
        if (bytes <= maxBytes) return controller.enqueue(value);
        const error = new TooLong(tooLong.reason);
        exceeded();
        controller.error(error);
        await body.cancel();
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  );
}

function toServed(answered: Response, signal: AbortSignal): ServedResponse {
  const { status, headers, body } = answered;
  const fields = { __proto__: null } as unknown as Record<string, string | readonly string[]>;
  for (const [name, value] of headers) if (!connectionFields.includes(name)) fields[name] = value;
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  return { status, headers: fields, ...(body === null ? {} : { body: stopping(body, signal) }) };
}

/**
 * The body, cancelled at once when the client gives up, be it before the first read. No generator: one that has not started, or waits, would not pass `return()` on.
 */
function stopping(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncIterableIterator<Uint8Array, undefined> {
  const reader = body.getReader();
  const stop = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: async () => {
      try {
        const { done, value } = await reader.read();
        if (!done) return { done, value };
        signal.removeEventListener("abort", stop);
        return { done, value: undefined };
      } catch (error) {
        signal.removeEventListener("abort", stop);
        throw error;
      }
    },
    return: async () => {
      signal.removeEventListener("abort", stop);
      stop();
      return { done: true, value: undefined };
    },
  };
}

function plain({ status, reason }: Refusal): ServedResponse {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: `${reason}\n` };
}

function* pairsOf(fields: Fields): Generator<[string, string]> {
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string") yield [name, value];
    else for (const one of value) yield [name, one];
  }
}
