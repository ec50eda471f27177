import { fieldsOf } from "../origin/mux.ts";
import { Arrivals, hostileOrigin } from "./arrivals.ts";
import { type Fault, inexpressible, unknownBreach } from "./fault.ts";
import type { Hostile, HostileConnection, HostileExchange, HostileOptions, ResetReason } from "./hostile.ts";
import type { HostileTls } from "./hostile-tls.ts";
import { InFlight } from "./in-flight.ts";
import type { MessagePipe } from "./message-pipe.ts";
import {
  muxBlock,
  muxCodes,
  muxEnd,
  muxFrame,
  muxFrames,
  muxLeastWindowBytes,
  muxProtocol,
  muxSetting,
} from "./mux-frames.ts";
import { muxBreaches } from "./mux-breaches.ts";
import { MuxPeer, type MuxPeerOptions, type MuxRequest } from "./mux-peer.ts";
import { ignoreGone, scriptedServer } from "./scripted-server.ts";
import { frameOf, WebSocketPeer } from "./web-socket-peer.ts";

/** Each has its frame. */
const faults: readonly Fault[] = [
  "cut",
  "open-body",
  "end-mark",
  "trailers",
  "reset",
  "refuse",
  "last",
  "goodbye",
  "limit",
  "credit",
  "violation",
];

const codes: Readonly<Record<ResetReason, number>> = {
  none: muxCodes.none,
  cancelled: muxCodes.cancelled,
  internal: muxCodes.internal,
  calm: muxCodes.overload,
};

/** How a connection ends, and what is beneath its messages. */
interface Wire {
  readonly pipe: MessagePipe;
  fin(): void;
  rst(): void;
  /** Sends a part of a message. */
  half(message: Buffer): Promise<void>;
}

/** Hostile origins of `holdfast.mux.v1` over WebSocket, frame for frame; over TLS where there is `tls`. */
export function muxHostile({ tls }: HostileTls = {}): Hostile {
  return {
    protocol: `${muxProtocol} over WebSocket`,
    faults: new Set([...faults, "half-head"]),
    listen: async (options) => {
      const peerOptions = optionsOf(options);
      const arrivals = new Arrivals();
      const connections: HostileConnection[] = [];
      const server = await scriptedServer(
        (socket, index) => new WebSocketPeer(socket, index),
        async (socket) => {
          const { subprotocols } = await socket.upgrade();
          if (!subprotocols.includes(muxProtocol)) return socket.refuse(400);
          socket.accept(muxProtocol);
          serve(wireOf(socket), peerOptions, arrivals, connections);
        },
        tls === undefined ? {} : { tls },
      );
      return hostileOrigin(server, arrivals, connections, muxBreaches);
    },
  };
}

function wireOf(socket: WebSocketPeer): Wire {
  return {
    pipe: socket,
    fin: () => socket.fin(),
    rst: () => socket.reset(),
    half: (message) => socket.raw(frameOf(2, message).subarray(0, -3)),
  };
}

/** Hostile origins of `holdfast.mux.v1` without a socket. */
export interface MuxPipeHostile extends Hostile {
  /** Whether an origin (scheme and host) is one of them. */
  has(origin: string): boolean;
  /** Serves a pipe whose near end an adapter was given for this origin. */
  accept(origin: string, pipe: MessagePipe): void;
}

/** Makes them: hand the pipes to what `has` knows to `accept`. */
export function muxPipeHostile(): MuxPipeHostile {
  const origins = new Map<string, (pipe: MessagePipe) => void>();
  let made = 0;
  const protocol = `${muxProtocol} over a pipe`;
  return {
    protocol,
    faults: new Set(faults),
    has: (origin) => origins.has(origin),
    accept: (origin, pipe) => origins.get(origin)?.(pipe),
    listen: async (options) => {
      const peerOptions = optionsOf(options);
      const url = `http://mux-${++made}.example`;
      const arrivals = new Arrivals();
      const connections: HostileConnection[] = [];
      const pipes: MessagePipe[] = [];
      origins.set(url, (pipe) => {
        const end = (): void => pipe.close(1_000, "");
        const wire = { pipe, fin: end, rst: () => pipe.destroy(), half: () => inexpressible(protocol, "half-head") };
        pipes.push(pipe);
        serve(wire, peerOptions, arrivals, connections);
      });
      return hostileOrigin(
        {
          url,
          [Symbol.asyncDispose]: async () => {
            origins.delete(url);
            for (const pipe of pipes) pipe.destroy();
          },
        },
        arrivals,
        connections,
        muxBreaches,
      );
    },
  };
}

function optionsOf({ maxExchanges, creditBytes }: HostileOptions = {}): MuxPeerOptions {
  if (creditBytes !== undefined && creditBytes < muxLeastWindowBytes)
    throw new TypeError(`${muxProtocol} gives a credit of ${muxLeastWindowBytes} bytes at least`);
  return {
    credit: creditBytes === undefined,
    settings: {
      [muxSetting.streamWindow]: creditBytes ?? muxLeastWindowBytes,
      [muxSetting.connectionWindow]: 2 ** 30,
      ...(maxExchanges !== undefined && { [muxSetting.maxStreams]: maxExchanges }),
    },
  };
}

function serve(wire: Wire, options: MuxPeerOptions, arrivals: Arrivals, connections: HostileConnection[]): void {
  const inFlight = new InFlight();
  const peer: MuxPeer = new MuxPeer(wire.pipe, {
    ...options,
    onRequest: (request) => arrivals.add(exchangeOf(peer, wire, request, connection, inFlight.begin())),
  });
  const connection = connectionOf(peer, wire, inFlight);
  connections.push(connection);
}

/** The stream of each exchange, for {@link HostileConnection.goodbye}. */
const streams = new WeakMap<HostileExchange, number>();

function connectionOf(peer: MuxPeer, wire: Wire, inFlight: InFlight): HostileConnection {
  // Whoever has answered a PING has read what was sent before.
  const heard = (): Promise<void> => Promise.race([peer.ping().catch(ignoreGone), peer.closed]);
  return {
    get open() {
      return inFlight.open;
    },
    get maxOpen() {
      return inFlight.maxOpen;
    },
    closed: peer.closed,
    fin: () => wire.fin(),
    rst: () => wire.rst(),
    goodbye: async ({ covers = "all", failed = false } = {}) => {
      const last = covers === "none" ? 0 : covers === "all" ? peer.lastStream : streamOf(covers);
      await peer.goAway(last, failed ? muxCodes.internal : muxCodes.none);
      await heard();
    },
    limit: async (maxExchanges) => {
      await peer.settings({ [muxSetting.maxStreams]: maxExchanges });
      await heard();
    },
    violate: (breach) => {
      const message = muxBreaches[breach ?? "DATA on stream 0"] ?? unknownBreach(breach);
      return peer.write(message(peer.lastStream));
    },
  };
}

function streamOf(exchange: HostileExchange): number {
  const stream = streams.get(exchange);
  if (stream === undefined) throw new TypeError("the exchange is not one of this protocol");
  return stream;
}

const ok = [":status", "200"] as const;

function exchangeOf(
  peer: MuxPeer,
  wire: Wire,
  request: MuxRequest,
  connection: HostileConnection,
  over: () => void,
): HostileExchange {
  const { stream, head } = request;
  const pseudo = new Map(head);
  const isOver = peer.until(() => request.over || undefined).then(() => {}, ignoreGone);
  const exchange: HostileExchange = {
    method: pseudo.get(":method") ?? "",
    path: pseudo.get(":path") ?? "",
    connection,
    get receivedBytes() {
      return request.receivedBytes;
    },
    abandoned: Promise.race([isOver, peer.closed]).then(over),
    takesPush: false,
    body: async () => {
      await peer.until(() => request.ended || undefined);
      return Buffer.concat(request.chunks);
    },
    head: async ({ length, last = false } = {}) => {
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
        ? peer.data(stream, Buffer.alloc(0), muxEnd)
        : peer.headers(stream, fieldsOf(trailers), muxEnd);
    },
    respond: async (body = "ok") => {
      over();
      await peer.headers(stream, [ok]);
      await peer.data(stream, Buffer.from(body), muxEnd);
    },
    reset: (reason) => {
      over();
      return peer.reset(stream, codes[reason]);
    },
    halfHead: () => wire.half(muxFrame(muxFrames.headers, stream, muxBlock([ok]))),
    refuse: () => {
      over();
      return peer.reset(stream, muxCodes.refused);
    },
    giveCredit: (bytes) => peer.window(stream, bytes),
    push: () => inexpressible(muxProtocol, "push"),
  };
  streams.set(exchange, stream);
  return exchange;
}
