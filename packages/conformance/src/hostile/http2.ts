import type { Fields } from "@holdfast/transport";
import { Arrivals, hostileOrigin } from "./arrivals.ts";
import { type Fault, unknownBreach } from "./fault.ts";
import type { FramePeer, FrameRequest } from "./frame-peer.ts";
import { frameServer, type FrameServerOptions } from "./frame-server.ts";
import { endHeaders, endStream, frame, frames, headerBlock, setting, uint } from "./frames.ts";
import type {
  HeadOptions,
  Hostile,
  HostileConnection,
  HostileExchange,
  HostileOrigin,
  HostileResponse,
  ResetReason,
} from "./hostile.ts";
import { http2Breaches } from "./http2-breaches.ts";
import type { HostileTls } from "./hostile-tls.ts";
import { InFlight } from "./in-flight.ts";
import { ignoreGone } from "./scripted-server.ts";

/** Each has its frame. */
const faults: ReadonlySet<Fault> = new Set<Fault>([
  "cut",
  "half-head",
  "open-body",
  "end-mark",
  "trailers",
  "reset",
  "refuse",
  "last",
  "goodbye",
  "limit",
  "credit",
  "push",
  "violation",
]);

/** Error codes of RFC 9113, 7. */
const codes: Readonly<Record<ResetReason | "refused", number>> = {
  none: 0,
  internal: 2,
  refused: 7,
  cancelled: 8,
  calm: 11,
};

/** Hostile origins of HTTP/2, frame for frame; h2c with prior knowledge, or by ALPN where there is `tls`. */
export function http2Hostile({ tls }: HostileTls = {}): Hostile {
  return {
    protocol: "h2",
    faults,
    listen: ({ maxExchanges, creditBytes } = {}) =>
      listen({
        ...(tls !== undefined && { tls }),
        credit: creditBytes === undefined,
        settings: {
          ...(maxExchanges !== undefined && { [setting.maxStreams]: maxExchanges }),
          ...(creditBytes !== undefined && { [setting.windowBytes]: creditBytes }),
        },
      }),
  };
}

async function listen(options: FrameServerOptions): Promise<HostileOrigin> {
  const arrivals = new Arrivals();
  const connections: HostileConnection[] = [];
  const server = await frameServer(async (peer) => {
    const inFlight = new InFlight();
    // Only the window of a stream shall hold a body up.
    if (options.credit === false) await peer.windowUpdate(0, 2 ** 30);
    const connection = connectionOf(peer, inFlight);
    connections.push(connection);
    for (;;) {
      const request = await peer.request();
      arrivals.add(exchangeOf(peer, request, connection, inFlight.begin()));
    }
  }, options);
  return hostileOrigin(server, arrivals, connections, http2Breaches);
}

function connectionOf(peer: FramePeer, inFlight: InFlight): HostileConnection {
  // Whoever has read a PING has read what was sent before.
  const heard = (): Promise<void> => Promise.race([peer.ping().catch(ignoreGone), peer.closed]);
  return {
    get open() {
      return inFlight.open;
    },
    get maxOpen() {
      return inFlight.maxOpen;
    },
    closed: peer.closed,
    fin: () => peer.fin(),
    rst: () => peer.reset(),
    goodbye: async ({ covers = "all", failed = false } = {}) => {
      const last = covers === "none" ? 0 : covers === "all" ? lastStreamOf(peer) : streamOf(covers);
      await peer.goAway(last, failed ? codes.internal : codes.none);
      await heard();
    },
    limit: async (maxExchanges) => {
      await peer.settings({ [setting.maxStreams]: maxExchanges });
      await heard();
    },
    violate: (breach) => {
      const bytes = http2Breaches[breach ?? "DATA on stream 0"] ?? unknownBreach(breach);
      return peer.write(bytes(lastStreamOf(peer)));
    },
  };
}

/** The stream of each exchange, for {@link HostileConnection.goodbye}. */
const streams = new WeakMap<HostileExchange, number>();

function streamOf(exchange: HostileExchange): number {
  const stream = streams.get(exchange);
  if (stream === undefined) throw new TypeError("the exchange is not one of this protocol");
  return stream;
}

function lastStreamOf(peer: FramePeer): number {
  return Math.max(0, ...peer.requests.map(({ stream }) => stream));
}

function exchangeOf(
  peer: FramePeer,
  request: FrameRequest,
  connection: HostileConnection,
  over: () => void,
): HostileExchange {
  const { stream, method, path, headers } = request;
  const response = responseOf(peer, stream, connection, over);
  const exchange: HostileExchange = {
    ...response,
    method,
    path,
    connection,
    get receivedBytes() {
      return peer.all(frames.data, stream).reduce((sum, { payload }) => sum + payload.byteLength, 0);
    },
    body: () => peer.body(request),
    respond: (body = "ok") => {
      over();
      return peer.respond(stream, body);
    },
    // It announces more than follows.
    halfHead: () => peer.write(frame(frames.headers, stream, headerBlock([ok]), endHeaders).subarray(0, -3)),
    refuse: () => {
      over();
      return peer.resetStream(stream, codes.refused);
    },
    giveCredit: async (bytes) => {
      await peer.windowUpdate(0, bytes);
      await peer.windowUpdate(stream, bytes);
    },
    get takesPush() {
      return peer.setting(setting.push) !== 0;
    },
    push: async (pushed) => {
      const promised = (promises.get(peer) ?? 0) + 2;
      promises.set(peer, promised);
      const block = headerBlock([
        [":method", "GET"],
        [":scheme", String(headers[":scheme"])],
        [":authority", String(headers[":authority"])],
        [":path", pushed],
      ]);
      await peer.send(frames.pushPromise, stream, Buffer.concat([uint(promised, 4), block]), endHeaders);
      return responseOf(peer, promised, connection, () => {});
    },
  };
  streams.set(exchange, stream);
  return exchange;
}

/** The last stream that a connection has promised. */
const promises = new WeakMap<FramePeer, number>();
const ok = [":status", "200"] as const;

function responseOf(peer: FramePeer, stream: number, connection: HostileConnection, over: () => void): HostileResponse {
  const reset = peer.frame(frames.resetStream, stream).then(() => {}, ignoreGone);
  const abandoned = Promise.race([reset, peer.closed]).then(over);
  return {
    abandoned,
    head: async ({ length, last = false }: HeadOptions = {}) => {
      if (last) await connection.goodbye();
      await peer.headers(stream, length === undefined ? [ok] : [ok, ["content-length", String(length)]]);
    },
    send: async (bytes) => {
      const sent = Buffer.from(bytes).subarray(0, peer.room(stream));
      if (sent.byteLength > 0) await peer.data(stream, sent);
      return sent.byteLength;
    },
    finish: (trailers) => {
      over();
      return trailers === undefined
        ? peer.data(stream, "", endStream)
        : peer.headers(stream, pairsOf(trailers), endStream);
    },
    reset: (reason) => {
      over();
      return peer.resetStream(stream, codes[reason]);
    },
  };
}

function pairsOf(fields: Fields): (readonly [string, string])[] {
  return Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, one] as const));
}
