import { muxCapabilities } from "@holdfast/exchange";
import { pooledAdapter } from "@holdfast/pool";
import { type Capabilities, type OriginStats, type Transport, type TransportStats, wrap } from "@holdfast/transport";
import { type ChannelCounts, Channels } from "./channels.ts";
import { parseWebSocketOptions, type WebSocketOptions } from "./options.ts";
import { webSocketDriver } from "./sockets.ts";

/**
 * A transport over WebSocket. `request()` runs exchanges over the sub-protocol `holdfast.mux.v1`, many on one socket, more
 * sockets only when streams run out; `open()` gives a plain channel to any WebSocket server. `https:` and `wss:` mean TLS.
 *
 * @throws TypeError for bad options; it names the option.
 */
export function websocket(options: WebSocketOptions = {}): Transport {
  const parsed = parseWebSocketOptions(options);
  const { codec } = parsed;
  const capabilities: Capabilities = Object.freeze({ ...(codec?.capabilities ?? muxCapabilities), channel: true });
  const { transport: exchanges, places } = pooledAdapter(
    codec?.driver(parsed) ?? webSocketDriver(parsed),
    parsed.pool,
    {
      vendor: "@holdfast/websocket",
      capabilities,
      schemes: ["http:", "https:", "ws:", "wss:"],
    },
  );
  const channels = new Channels(parsed, places);
  const close: Transport["close"] = async (closeOptions = {}) => {
    await Promise.all([exchanges.close(closeOptions), channels.close(closeOptions)]);
  };
  return wrap(exchanges, {
    open: (request) => channels.open(request),
    stats: () => withChannels(exchanges.stats(), channels),
    close,
    destroy: async (reason) => {
      await Promise.all([exchanges.destroy(reason), channels.destroy(reason)]);
    },
    [Symbol.asyncDispose]: () => close(),
  });
}

/** Channels count as connections that are in use. */
function withChannels(stats: TransportStats, channels: Channels): TransportStats {
  const { opened, ended, failed } = channels;
  const { totals } = stats;
  const origins = { ...stats.origins };
  let all: OriginStats = stats;
  for (const [origin, counts] of channels.counts()) {
    origins[origin] = plus(origins[origin] ?? none, counts);
    all = plus(all, counts);
  }
  return {
    connections: all.connections,
    exchanges: stats.exchanges,
    totals: {
      ...totals,
      connectionsOpened: totals.connectionsOpened + opened,
      connectionsClosed: totals.connectionsClosed + ended,
      dialsFailed: totals.dialsFailed + failed,
    },
    origins,
  };
}

const none: OriginStats = {
  connections: { connecting: 0, active: 0, idle: 0, draining: 0 },
  exchanges: { queued: 0, inFlight: 0 },
};

function plus({ connections, exchanges }: OriginStats, { connecting, open }: ChannelCounts): OriginStats {
  return {
    connections: {
      ...connections,
      connecting: connections.connecting + connecting,
      active: connections.active + open,
    },
    exchanges,
  };
}
