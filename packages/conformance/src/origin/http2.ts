import { once } from "node:events";
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { noFields, toFields, type Fields } from "@holdfast/transport";
import { turn } from "../turn.ts";
import { application } from "./application.ts";
import { Control } from "./control.ts";
import type { Origin, OriginHandler } from "./origin.ts";
import { pairs, send } from "./writing.ts";

export interface Http2OriginOptions {
  /** Streams that a session may have at a time. Default 100. */
  readonly maxConcurrentStreams?: number;
  /** A certificate and its key, both PEM: then it speaks TLS, else h2c with prior knowledge. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** The application over HTTP/2 (`node:http2`) on a free port of 127.0.0.1. */
export async function http2Origin({ maxConcurrentStreams = 100, tls }: Http2OriginOptions = {}): Promise<Origin> {
  const control = new Control();
  const handler = application(control);
  const settings = { maxConcurrentStreams };
  const server: Http2Server =
    tls === undefined ? createServer({ settings }) : (createSecureServer({ ...tls, settings }) as Http2Server);
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    const gone = control.noteConnection();
    sockets.add(socket);
    socket.once("close", () => {
      sockets.delete(socket);
      gone();
    });
  });
  server.on("sessionError", () => {});
  server.on("stream", (stream: ServerHttp2Stream, _headers, _flags, raw) => void answerHttp2(handler, stream, raw));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const scheme = tls === undefined ? "http" : "https";
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    control,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Answers one stream of node's by `handler`. */
export async function answerHttp2(
  handler: OriginHandler,
  stream: ServerHttp2Stream,
  raw: readonly string[],
): Promise<void> {
  const gone = new AbortController();
  const trailers = Promise.withResolvers<Fields>();
  trailers.promise.catch(() => {});
  let arrived: Fields = noFields;
  stream.on("trailers", (_headers, _flags, late) => {
    arrived = toFields(pairs(late));
  });
  stream.once("end", () => trailers.resolve(arrived));
  stream.on("error", () => {});
  // Told at once, while "close" waits until the request body has been read.
  stream.once("aborted", () => gone.abort());
  stream.once("close", () => {
    trailers.reject(new Error("the client left"));
    if (stream.rstCode !== 0 || !stream.writableFinished) gone.abort();
  });
  const pseudo = new Map(pairs(raw));
  try {
    const {
      status = 200,
      headers = noFields,
      body,
      ...rest
    } = await handler({
      method: pseudo.get(":method") ?? "GET",
      url: new URL(pseudo.get(":path") ?? "/", "http://127.0.0.1"),
      headers: toFields([...pairs(raw)].filter(([name]) => !name.startsWith(":"))),
      body: requestBody(stream),
      trailers: trailers.promise,
      signal: gone.signal,
      informational: (code, hints = noFields) => stream.additionalHeaders({ ":status": code, ...mutable(hints) }),
    });
    if (stream.destroyed) return;
    const later = rest.trailers;
    if (later !== undefined) stream.once("wantTrailers", () => void sendTrailers(stream, later));
    stream.respond({ ":status": status, ...mutable(headers) }, { waitForTrailers: later !== undefined });
    if (typeof body === "string" || body instanceof Uint8Array) stream.write(body);
    else if (body !== undefined) await send(body, stream);
    stream.end();
  } catch {
    // What was written still leaves, then the connection ends without the end mark of the stream.
    await turn();
    stream.session?.destroy();
  }
}

/** node ends the stream of a request that was reset as if it were complete, and says only then that it was not. */
async function* requestBody(stream: ServerHttp2Stream): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of stream) yield chunk as Uint8Array;
  await turn();
  if (stream.aborted) throw new Error("the client left");
}

async function sendTrailers(stream: ServerHttp2Stream, trailers: () => Fields | Promise<Fields>): Promise<void> {
  stream.sendTrailers(mutable(await trailers()));
}

function mutable(fields: Fields): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  );
}
