import {
  createServer as createHttp1Server,
  type IncomingMessage,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createHttp2Server, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { Server, Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import { answerOver, type ServedRequest, type ServedResponse } from "@holdfast/exchange";
import { answer, answerExchange } from "./answer.ts";
import { fieldBlockCounter } from "./field-blocks.ts";
import { addHeads, type HeadCount, noHeads, requestTextBytes, responseTextBytes } from "./head-count.ts";
import { tapHeads } from "./mux-heads.ts";
import { createPlainServer } from "./plain-server.ts";
import { takeUpgrades } from "./take-upgrades.ts";

/** Servers that give the same answers as the measured ones and count, above TLS, what the heads of the exchanges took. */
export interface CountingServers {
  readonly plain: Server;
  readonly tls: Server;
  /** What was counted since the last call. */
  take(): HeadCount;
}

/** Bytes of one exchange's bodies. */
interface Bodies {
  readonly received: number;
  readonly sent: number;
}

/** A connection of HTTP/1.1 whose bytes are counted, until it is upgraded. */
interface Tapped {
  readonly socket: Socket;
  /** Takes back what was counted, and counts no more. */
  forget(): void;
}

/**
 * Counting costs time, so these are servers of their own, and no measured exchange meets them.
 *
 * Over HTTP/2 a head is its field block as HPACK made it, over WebSocket the block of its HEADERS; what a connection begins
 * with counts for neither. Over HTTP/1.1 it is all that is not body, so with the framing of chunks if a body has any; there
 * the text is what went over the wire.
 */
export function countingServers(
  options: ServerOptions & { readonly key: string; readonly cert: string },
): CountingServers {
  let heads = noHeads;
  const add = (more: Partial<HeadCount>): void => {
    heads = addHeads(heads, more);
  };
  const http1 = createHttp1Server(options, (request, response) =>
    answerCounted(request, response, ({ received, sent }) => {
      add({
        exchanges: 1,
        sentBytes: -received,
        sentTextBytes: -received,
        receivedBytes: -sent,
        receivedTextBytes: -sent,
      });
    }),
  );
  const http2 = createHttp2Server((request, response) =>
    answerCounted(request, response, () => {
      const { sentHeaders } = response.stream;
      const text = {
        sentTextBytes: requestTextBytes(request.rawHeaders),
        receivedTextBytes: responseTextBytes(sentHeaders),
      };
      add({ exchanges: 1, ...text });
    }),
  );
  const taps = new WeakMap<Duplex, Tapped>();
  http1.on("upgrade", (_, socket) => taps.get(socket)?.forget());
  takeUpgrades(
    http1,
    (pipe) => {
      const tapped = tapHeads(
        pipe,
        (bytes) => add({ sentBytes: bytes }),
        (bytes) => add({ receivedBytes: bytes }),
      );
      answerOver(tapped, async (request) => {
        const response = await answerExchange(request);
        add({ exchanges: 1, ...textOf(request, response) });
        return response;
      });
    },
    (socket) => (taps.get(socket) as Tapped).socket,
  );
  const serve = {
    http1: (socket: Socket): void => {
      let [sent, received, upgraded] = [0, 0, false];
      const count = (sentBytes: number, receivedBytes: number): void => {
        sent += sentBytes;
        received += receivedBytes;
        add({ sentBytes, sentTextBytes: sentBytes, receivedBytes, receivedTextBytes: receivedBytes });
      };
      const tapped = tap(
        socket,
        ({ byteLength }) => upgraded || count(byteLength, 0),
        ({ byteLength }) => upgraded || count(0, byteLength),
      );
      const forget = (): void => {
        count(-sent, -received);
        upgraded = true;
      };
      taps.set(tapped, { socket, forget });
      http1.emit("connection", tapped);
    },
    http2: (socket: Socket): void => {
      const [received, sent] = [fieldBlockCounter("client"), fieldBlockCounter("server")];
      const tapped = tap(
        socket,
        (chunk) => add({ sentBytes: received.read(chunk) }),
        (chunk) => add({ receivedBytes: sent.read(chunk) }),
      );
      http2.emit("connection", tapped);
    },
  };
  const { key, cert } = options;
  return {
    plain: createPlainServer(serve),
    tls: createTlsServer({ key, cert, noDelay: true, ALPNProtocols: ["h2", "http/1.1"] }, (socket) => {
      if (socket.alpnProtocol === "h2") serve.http2(socket);
      else serve.http1(socket);
    }),
    take: () => {
      const taken = heads;
      heads = noHeads;
      return taken;
    },
  };
}

/** Answers as ever, and tells the bodies' bytes when the answer is on its way. */
function answerCounted(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  done: (bodies: Bodies) => void,
): void {
  let received = 0;
  answer(request, response);
  request.on("data", ({ byteLength }: Buffer) => (received += byteLength));
  request.on("end", () => {
    const sent = request.method === "HEAD" ? 0 : Number(response.getHeader("content-length"));
    done({ received, sent });
  });
}

/** What the heads of an exchange over WebSocket take as text of HTTP/1.1. */
function textOf({ method, url, headers }: ServedRequest, response: ServedResponse): Partial<HeadCount> {
  const request = [":method", method, ":path", url.pathname + url.search, ":authority", url.host];
  for (const [name, value] of Object.entries(headers)) {
    for (const one of typeof value === "string" ? [value] : value) request.push(name, one);
  }
  return {
    sentTextBytes: requestTextBytes(request),
    receivedTextBytes: responseTextBytes({ ":status": response.status ?? 200, ...response.headers }),
  };
}

/** A stream in the socket's place; each side's bytes are shown as they pass. */
function tap(socket: Socket, received: (chunk: Buffer) => unknown, sent: (chunk: Buffer) => unknown): Duplex {
  const [outside, inside] = duplexPair();
  socket.on("data", received);
  outside.on("data", sent);
  socket.pipe(outside).pipe(socket);
  const end = (): void => {
    outside.destroy();
    inside.destroy();
  };
  socket.on("error", end).on("close", end);
  outside.on("error", end);
  return inside;
}
