import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { noFields, toFields, type Fields } from "@holdfast/transport";
import { turn } from "../turn.ts";
import { application } from "./application.ts";
import { Control } from "./control.ts";
import type { Origin, OriginHandler } from "./origin.ts";
import { pairs, send } from "./writing.ts";

export interface Http1OriginOptions {
  /** How long the server keeps an idle connection, and says so. Default 60 000. */
  readonly keepAliveTimeoutMs?: number;
  /** A certificate and its key, both PEM: then it speaks TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** The application over HTTP/1.1 (`node:http`) on a free port of 127.0.0.1. */
export async function http1Origin({ keepAliveTimeoutMs = 60_000, tls }: Http1OriginOptions = {}): Promise<Origin> {
  const control = new Control();
  const handler = application(control);
  const limits = { keepAliveTimeout: keepAliveTimeoutMs, requestTimeout: 0 };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void =>
    void answerHttp1(handler, request, response);
  const server =
    tls === undefined ? createServer(limits, onRequest) : createTlsServer({ ...tls, ...limits }, onRequest);
  server.on("connection", (socket) => socket.once("close", control.noteConnection()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    control,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Answers one request of node's by `handler`. */
export async function answerHttp1(
  handler: OriginHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  const trailers = Promise.withResolvers<Fields>();
  trailers.promise.catch(() => {});
  request.once("end", () => trailers.resolve(toFields(pairs(request.rawTrailers))));
  response.once("close", () => {
    trailers.reject(new Error("the client left"));
    if (!response.writableFinished) gone.abort();
  });
  try {
    const {
      status = 200,
      headers = noFields,
      body,
      ...rest
    } = await handler({
      method: request.method ?? "GET",
      url: new URL(request.url ?? "/", "http://127.0.0.1"),
      headers: toFields(pairs(request.rawHeaders)),
      body: request,
      trailers: trailers.promise,
      signal: gone.signal,
      informational: (_, hints = noFields) => response.writeEarlyHints({ ...hints } as Record<string, string>),
    });
    response.writeHead(status, flat(headers));
    if (typeof body === "string" || body instanceof Uint8Array) response.write(body);
    else if (body !== undefined) {
      // The head leaves before the first chunk is there.
      response.flushHeaders();
      await send(body, response);
    }
    if (rest.trailers !== undefined) response.addTrailers({ ...(await rest.trailers()) } as Record<string, string>);
    response.end();
  } catch {
    // What was written still leaves (it is corked until the next turn), then the connection ends without the end mark.
    await turn();
    response.socket?.destroySoon();
  }
}

function flat(fields: Fields): string[] {
  return Object.keys(fields).flatMap((name) =>
    [fields[name] as string | readonly string[]].flat().flatMap((value) => [name, value]),
  );
}
