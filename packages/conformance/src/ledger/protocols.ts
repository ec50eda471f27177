import {
  createServer as createHttp1Server,
  type IncomingMessage,
  type Server as Http1Server,
  type ServerResponse,
} from "node:http";
import {
  constants,
  createSecureServer as createSecureHttp2Server,
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { muxProtocol } from "../hostile/mux-frames.ts";
import type { MuxPeer } from "../hostile/mux-peer.ts";
import { ignoreGone } from "../hostile/scripted-server.ts";
import { WebSocketPeer } from "../hostile/web-socket-peer.ts";
import { answerHttp1 } from "../origin/http1.ts";
import { answerHttp2 } from "../origin/http2.ts";
import { answerMux } from "../origin/mux.ts";
import type { OriginHandler } from "../origin/origin.ts";
import type { LedgerProtocol } from "./ledger-origin.ts";
import { ledgerServer } from "./ledger-server.ts";

/** HTTP/1.1 by `node:http`. */
export const ledgerHttp1: LedgerProtocol = (handler, options = {}) => {
  const { tls } = options;
  const limits = { keepAliveTimeout: 60_000, requestTimeout: 0 };
  let server: Http1Server | undefined;
  let last = 0;
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (last > 0) {
      last--;
      response.shouldKeepAlive = false;
    }
    void answerHttp1(handler, request, response);
  };
  return ledgerServer(
    {
      faults: ["goodbye", "idle-close"],
      make: () =>
        (server =
          tls === undefined
            ? createHttp1Server(limits, onRequest)
            : createHttpsServer({ ...tls, ...limits }, onRequest)),
      strike: (fault) => {
        if (fault === "goodbye") last++;
        else server?.closeIdleConnections();
      },
    },
    options,
  );
};

/** HTTP/2 by `node:http2`, with prior knowledge or over TLS. */
export const ledgerHttp2: LedgerProtocol = (handler, options = {}) => {
  const { tls } = options;
  const sessions = new Map<ServerHttp2Session, { open: number }>();
  let refusals = 0;
  return ledgerServer(
    {
      faults: ["goodbye", "idle-close", "refuse"],
      make: () => {
        const server = tls === undefined ? createHttp2Server() : (createSecureHttp2Server(tls) as Http2Server);
        server.on("sessionError", () => {});
        server.on("session", (session) => {
          sessions.set(session, { open: 0 });
          session.on("error", () => {});
          session.once("close", () => sessions.delete(session));
        });
        server.on("stream", (stream: ServerHttp2Stream, _headers, _flags, raw) => {
          const counts = sessions.get(stream.session as ServerHttp2Session);
          if (refusals > 0) {
            refusals--;
            stream.on("error", () => {});
            stream.close(constants.NGHTTP2_REFUSED_STREAM);
            return;
          }
          if (counts !== undefined) {
            counts.open++;
            stream.once("close", () => counts.open--);
          }
          void answerHttp2(handler, stream, raw);
        });
        return server;
      },
      strike: (fault) => {
        if (fault === "refuse") refusals++;
        for (const [session, { open }] of sessions) {
          if (fault === "goodbye") session.close();
          if (fault === "idle-close" && open === 0) session.destroy();
        }
      },
    },
    options,
  );
};

/** `holdfast.mux.v1` over WebSocket, by hand. */
export const ledgerMux: LedgerProtocol = (handler, options = {}) => {
  const { tls } = options;
  const peers = new Map<MuxPeer, Socket>();
  const leaving = new Set<MuxPeer>();
  let refusals = 0;
  const serve = async (socket: Socket): Promise<void> => {
    const wire = new WebSocketPeer(socket, 0);
    await wire.upgrade();
    wire.accept(muxProtocol);
    const peer: MuxPeer = answerMux(wire, handler, () => {
      // What comes after its goodbye was never looked at.
      if (leaving.has(peer)) return true;
      if (refusals === 0) return false;
      refusals--;
      return true;
    });
    peers.set(peer, socket);
    await peer.closed;
    peers.delete(peer);
    leaving.delete(peer);
  };
  const accept = (socket: Socket): void => {
    socket.on("error", () => {});
    serve(socket).catch(ignoreGone);
  };
  return ledgerServer(
    {
      faults: ["goodbye", "idle-close", "refuse"],
      make: () =>
        tls === undefined
          ? createServer({ noDelay: true }, accept)
          : createTlsServer({ ...tls, noDelay: true }, accept),
      strike: (fault) => {
        if (fault === "refuse") refusals++;
        for (const [peer, socket] of peers) {
          if (fault === "idle-close" && peer.openStreams === 0) socket.destroy();
          if (fault === "goodbye" && !leaving.has(peer)) {
            leaving.add(peer);
            void peer.goAway(peer.lastStream);
          }
        }
      },
    },
    options,
  );
};

/** For adapters that run in this process: hand `handler` to them. There is nothing between, so it only breaks off. */
export function ledgerInProcess(): { readonly protocol: LedgerProtocol; readonly handler: OriginHandler } {
  let current: OriginHandler = () => Promise.reject(new Error("no ledger is run"));
  return {
    handler: (request) => current(request),
    protocol: async (handler) => {
      current = handler;
      return {
        url: "http://ledger.example",
        faults: [],
        strike: () => Promise.resolve(),
        close: () => Promise.resolve(),
      };
    },
  };
}
