import type { ConnectionEvent, EventChannel, Target } from "@holdfast/transport";

/** What is published of a channel's connection, as the pool does of its own. Call only where the channel has subscribers. */
export function publishChannel(
  channel: EventChannel<ConnectionEvent>,
  connection: string,
  { origin, hostname, port }: Target,
  reason?: "done" | "lost",
  error?: unknown,
): void {
  channel.publish({
    connection,
    origin,
    "server.address": hostname,
    "server.port": port,
    "network.protocol.name": "websocket",
    ...(reason === undefined ? {} : { reason }),
    ...(error === undefined ? {} : { error }),
  });
}
