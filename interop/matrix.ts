import type { WebSocketOptions } from "@holdfast/websocket";
import { startApache } from "./apache.ts";
import { startCaddy } from "./caddy.ts";
import { startH2o } from "./h2o.ts";
import { startHaproxy } from "./haproxy.ts";
import { startNghttpd } from "./nghttpd.ts";
import { startNginx } from "./nginx.ts";
import { startNode } from "./node.ts";
import type { Server, ServerOptions } from "./server.ts";
import { startJsonRpc } from "./ws-json-rpc.ts";
import { startMux } from "./ws-mux.ts";

export type Protocol = ServerOptions["protocol"];

/** A server with some settings. */
export interface Row {
  readonly server: string;
  readonly start: (options: ServerOptions) => Promise<Server>;
  readonly protocols: readonly Protocol[];
  readonly settings: readonly string[];
  /** Requests after which it ends a connection of this protocol, where the load reaches so many. */
  readonly maxRequests?: Partial<Record<Protocol, number>>;
  /** It speaks JSON-RPC 2.0, and knows nothing of Holdfast. */
  readonly jsonRpc?: true;
  /** Options of the adapter that say what the server has no way to say itself. */
  readonly told?: Pick<WebSocketOptions, "maxStreams" | "maxExchanges">;
  /** Silence after which it ends a connection: the workers pause for about as long. */
  readonly idleMs?: number;
}

const both: readonly Protocol[] = ["http/1.1", "h2"];

/** Each server as it is, and with settings that make it end connections and refuse streams. */
export const rows: readonly Row[] = [
  { server: "nginx", start: startNginx, protocols: both, settings: [], maxRequests: { h2: 1_000 } },
  {
    server: "nginx",
    start: startNginx,
    protocols: both,
    settings: ["keepalive_requests 100;", "keepalive_timeout 1s;", "http2_max_concurrent_streams 8;"],
    maxRequests: { "http/1.1": 100, h2: 100 },
    idleMs: 1_000,
  },
  { server: "apache2", start: startApache, protocols: both, settings: [], maxRequests: { "http/1.1": 101 } },
  {
    server: "apache2",
    start: startApache,
    protocols: both,
    settings: ["MaxKeepAliveRequests 100", "KeepAliveTimeout 1", "H2MaxSessionStreams 8"],
    maxRequests: { "http/1.1": 101 },
    idleMs: 1_000,
  },
  { server: "caddy", start: startCaddy, protocols: both, settings: [] },
  {
    server: "caddy",
    start: startCaddy,
    protocols: both,
    settings: ["timeouts {\n idle 1s\n }"],
    idleMs: 1_000,
  },
  { server: "haproxy", start: startHaproxy, protocols: both, settings: [] },
  {
    server: "haproxy",
    start: startHaproxy,
    protocols: both,
    settings: ["timeout http-keep-alive 1s", "tune.h2.max-concurrent-streams 8"],
    idleMs: 1_000,
  },
  { server: "h2o", start: startH2o, protocols: both, settings: [] },
  {
    server: "h2o",
    start: startH2o,
    protocols: both,
    settings: ["http1-request-timeout: 1", "http2-idle-timeout: 1", "http2-max-concurrent-requests-per-connection: 8"],
    idleMs: 1_000,
  },
  { server: "nghttpd", start: startNghttpd, protocols: ["h2"], settings: [] },
  { server: "nghttpd", start: startNghttpd, protocols: ["h2"], settings: ["--max-concurrent-streams=8"] },
  { server: "node", start: startNode, protocols: both, settings: [] },
  {
    server: "node",
    start: startNode,
    protocols: both,
    settings: ["keepAliveTimeout: 1000", "maxRequestsPerSocket: 100", "maxConcurrentStreams: 8", "timeout: 1000"],
    maxRequests: { "http/1.1": 100 },
    idleMs: 1_000,
  },
  { server: "ws, JSON-RPC", start: startJsonRpc, protocols: ["websocket"], settings: [], jsonRpc: true },
  {
    server: "ws, JSON-RPC",
    start: startJsonRpc,
    protocols: ["websocket"],
    settings: ["maxPayload: 128", "idleTimeout: 1000", "maxMessages: 100", "maxCalls: 8"],
    jsonRpc: true,
    told: { maxStreams: 8, maxExchanges: 100 },
    maxRequests: { websocket: 100 },
    idleMs: 1_000,
  },
  { server: "ws, `holdfast.mux.v1`", start: startMux, protocols: ["websocket"], settings: [] },
  {
    server: "ws, `holdfast.mux.v1`",
    start: startMux,
    protocols: ["websocket"],
    // The smallest that PROTOCOL.md allows.
    settings: ["maxPayload: 65543", "idleTimeoutMs: 1000", "maxRequests: 100", "maxStreams: 8"],
    maxRequests: { websocket: 100 },
    idleMs: 1_000,
  },
];
