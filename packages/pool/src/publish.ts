import type {
  ConnectionEvent,
  EventChannel,
  ExchangeEvent,
  Protocol,
  Target,
  TransportError,
} from "@holdfast/transport";
import type { Connection } from "./connection.ts";
import type { Exchange } from "./exchange.ts";

/** Call only where the channel has subscribers. */
export function publishExchange(
  channel: EventChannel<ExchangeEvent>,
  exchange: Exchange,
  error?: TransportError,
  resends?: number,
): void {
  const { connection, request, status, timings } = exchange;
  channel.publish({
    exchange: exchange.id,
    "http.request.method": request.method,
    ...peer(exchange.protocol, request.target),
    "url.scheme": request.target.scheme.slice(0, -1),
    ...(connection === undefined ? {} : { connection: connection.id }),
    ...(status === 0 ? {} : { "http.response.status_code": status, timings }),
    ...(error === undefined ? {} : { "error.type": error.code, error }),
    ...(resends === undefined ? {} : { "http.request.resend_count": resends }),
  });
}

/** Call only where the channel has subscribers. */
export function publishConnection(
  channel: EventChannel<ConnectionEvent>,
  connection: Connection,
  reason?: string,
  error?: unknown,
): void {
  channel.publish({
    connection: connection.id,
    origin: connection.origin,
    ...peer(connection.protocol, connection.target),
    ...(reason === undefined ? {} : { reason }),
    ...(error === undefined ? {} : { error }),
  });
}

type Peer = Pick<
  ConnectionEvent,
  "server.address" | "server.port" | "network.protocol.name" | "network.protocol.version"
>;

function peer(protocol: Protocol, target: Target): Peer {
  const version = protocol === "http/1.1" ? "1.1" : /^h(\d)$/.exec(protocol)?.[1];
  return {
    "server.address": target.hostname,
    "server.port": target.port,
    "network.protocol.name": version === undefined ? protocol : "http",
    ...(version === undefined ? {} : { "network.protocol.version": version }),
  };
}
