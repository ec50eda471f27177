import { answerOver, muxSubprotocol, type ServedRequest, type ServedResponse, socketPipe } from "@holdfast/exchange";
import type { ConnectionInfo, Fields } from "@holdfast/transport";
import type { WebSocket } from "ws";
import { type Refusal, tooLong } from "./check-head.ts";
import type { ErrorHandler, FetchHandler } from "./fetch-handler.ts";
import { connectionFields } from "./response-fields.ts";
import type { ExchangeAcceptor } from "./upgrade.ts";

/** What answering exchanges over WebSocket needs of the options. */
export interface ExchangeSettings {
  readonly fetch: FetchHandler;
  readonly onError: ErrorHandler;
  readonly limits: { readonly headBytes: number; readonly bodyBytes: number; readonly maxStreams: number };
}

/** Serves `holdfast.mux.v1`: each of its streams is a request for the same handler that serves HTTP. */
export function exchangeAcceptor(settings: ExchangeSettings): ExchangeAcceptor {
  const { headBytes, maxStreams } = settings.limits;
  return {
    subprotocol: muxSubprotocol,
    accept: (socket: WebSocket, { tls }: ConnectionInfo) => {
      const answering = answerOver(socketPipe(socket), (request) => answer(request, settings), {
        secure: tls !== undefined,
        maxStreams: Math.min(maxStreams, 2 ** 31),
        limits: { headBytes: Math.min(headBytes, 65_535), bodyBytes: Infinity },
        // The socket is watched whole, whatever runs on it.
        ping: { intervalMs: Infinity },
      });
      return { drain: () => void answering.drain({ deadlineMs: Infinity }) };
    },
  };
}

async function answer(served: ServedRequest, settings: ExchangeSettings): Promise<ServedResponse> {
  const { bodyBytes } = settings.limits;
  if (served.method === "TRACE" || served.method === "TRACK")
    return plain({ status: 501, reason: "this method is not served" });
  if (Number(served.headers["content-length"] ?? 0) > bodyBytes) return plain(tooLong);
  const over = Promise.withResolvers<ServedResponse>();
  const request = toRequest(served, bodyBytes, () => over.resolve(plain(tooLong)));
  return await Promise.race([handled(request, settings), over.promise]);
}

async function handled(request: Request, { fetch, onError }: ExchangeSettings): Promise<ServedResponse> {
  try {
    return toServed(await fetch(request), request.signal, (error) => void onError(error, request));
  } catch (error) {
    const gone = request.signal.aborted && (error === request.signal.reason || isAbort(error));
    const instead = gone ? undefined : onError(error, request);
    return instead instanceof Response
      ? toServed(instead, request.signal, () => {})
      : plain({ status: 500, reason: "the request failed" });
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function toRequest(served: ServedRequest, maxBytes: number, exceeded: () => void): Request {
  const { method, url, headers, body, signal } = served;
  const init = { method, headers: new Headers([...pairsOf(headers)]), signal };
  if (method === "GET" || method === "HEAD" || headers["content-length"] === "0") return new Request(url, init);
  return new Request(url, { ...init, body: bounded(body, maxBytes, exceeded), duplex: "half" });
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
        exceeded();
        controller.error(new Error(tooLong.reason));
        await body.cancel();
      },
      cancel: () => body.cancel(),
    },
    { highWaterMark: 0 },
  );
}

function toServed(answered: Response, signal: AbortSignal, failed: (error: unknown) => void): ServedResponse {
  const { status, headers, body } = answered;
  const fields = { __proto__: null } as unknown as Record<string, string | readonly string[]>;
  for (const [name, value] of headers) if (!connectionFields.includes(name)) fields[name] = value;
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) fields["set-cookie"] = cookies;
  return { status, headers: fields, ...(body === null ? {} : { body: telling(body, signal, failed) }) };
}

/** The body, stopped at once when the client gives up; its failure is told before it resets the stream. */
async function* telling(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const stop = (): void => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", stop);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    failed(error);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
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
