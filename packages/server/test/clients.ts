import { once } from "node:events";
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect as http2Connect } from "node:http2";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Readable, Writable } from "node:stream";
import { exchangeOver, muxSubprotocol, socketPipe } from "@holdfast/exchange";
import { WebSocket } from "ws";

export interface Ask {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Sent whole; leave it out with `open` to send on `stream`. */
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Readable;
}

/** An exchange that is being made. */
export interface Asking {
  /** What is written to it is the request's body. */
  readonly out: Writable;
  readonly answer: Promise<Answer>;
  /** The caller gives up. */
  abort(): void;
}

export interface Client extends AsyncDisposable {
  /** The body is the caller's to write and end. */
  open(ask: Ask): Asking;
}

/** HTTP/1.1, each exchange on whatever connection is free. */
export function http1Client(url: string, ca?: string): Client {
  const secure = url.startsWith("https:");
  const agent = secure ? new HttpsAgent({ keepAlive: true, ca }) : new HttpAgent({ keepAlive: true });
  return {
    open: ({ path = "/", method = "GET", headers = {} }) => {
      const request = (secure ? httpsRequest : httpRequest)(url + path, { method, headers, agent });
      const answer = once(request, "response").then(([response]: IncomingMessage[]) => ({
        status: response!.statusCode!,
        headers: response!.headers,
        body: response!,
      }));
      answer.catch(() => {});
      return { out: request, answer, abort: () => request.destroy() };
    },
    [Symbol.asyncDispose]: async () => agent.destroy(),
  };
}

/** HTTP/2 on one session. */
export function http2Client(url: string, ca?: string): Client & { readonly session: ClientHttp2Session } {
  const session = http2Connect(url, { ca });
  session.on("error", () => {});
  return {
    session,
    open: ({ path = "/", method = "GET", headers = {} }) => {
      const endStream = method === "GET" || method === "HEAD";
      const stream = session.request({ ":path": path, ":method": method, ...headers }, { endStream });
      const failed = new Promise<never>((_, reject) => {
        stream.on("error", reject);
        stream.once("close", () => reject(new Error(`the stream was closed with ${stream.rstCode}`)));
      });
      failed.catch(() => {});
      const answer = Promise.race([failed, once(stream, "response")]).then(([head]) => ({
        status: head[":status"] as number,
        headers: head,
        body: stream,
      }));
      answer.catch(() => {});
      return { out: stream, answer, abort: () => stream.close(8) };
    },
    [Symbol.asyncDispose]: async () => {
      session.destroy();
    },
  };
}

/** Sends an exchange whole and reads its answer whole. */
export async function ask(
  client: Client,
  { body, ...rest }: Ask,
): Promise<{ status: number; headers: Answer["headers"]; text: string }> {
  const { out, answer } = client.open(rest);
  if (rest.method !== undefined && rest.method !== "GET" && rest.method !== "HEAD") out.end(body);
  else if (!("session" in client)) out.end();
  const { status, headers, body: response } = await answer;
  return { status, headers, text: await textOf(response) };
}

export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** A transport over one WebSocket of the sub-protocol. */
export function muxTransport(url: string, ca?: string): ReturnType<typeof exchangeOver> {
  return exchangeOver(async () => {
    const socket = new WebSocket(url.replace("http", "ws"), muxSubprotocol, {
      perMessageDeflate: false,
      ...(ca === undefined ? {} : { ca }),
    });
    // What the server says first waits until somebody listens.
    socket.once("open", () => socket.pause());
    await once(socket, "open");
    const pipe = socketPipe(socket);
    return {
      ...pipe,
      start: (listener) => {
        pipe.start(listener);
        socket.resume();
      },
    };
  });
}
