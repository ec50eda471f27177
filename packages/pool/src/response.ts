import {
  type BodyBuffer,
  BodyReader,
  type ConnectionInfo,
  type Fields,
  type Timings,
  type TransportResponse,
} from "@holdfast/transport";
import type { Connection } from "./connection.ts";
import type { DialTimes } from "./driver.ts";
import type { Exchange } from "./exchange.ts";

/** Filled as an exchange goes on; the caller sees it as `Timings`. */
export class MutableTimings implements Timings {
  queued = 0;
  declare resolved?: number;
  declare connected?: number;
  declare secured?: number;
  declare ready?: number;
  declare sent?: number;
  firstByte = 0;
  declare end?: number;

  /** The phases of a dial that the exchange waited for. One that was over before the call counts as no wait. */
  dialled(times: DialTimes | undefined, startedAt: number): void {
    if (times === undefined) return;
    const since = (at: number | undefined): number | undefined =>
      at === undefined ? undefined : Math.max(at - startedAt, this.queued);
    const { resolvedAt, connectedAt, securedAt, readyAt } = times;
    if (resolvedAt !== undefined) this.resolved = since(resolvedAt)!;
    if (connectedAt !== undefined) this.connected = since(connectedAt)!;
    if (securedAt !== undefined) this.secured = since(securedAt)!;
    if (readyAt !== undefined) this.ready = since(readyAt)!;
  }
}

/** The response that the caller gets. Nothing of ours refers to its body, so that one thrown away unread is noticed. */
export function responseOf(
  exchange: Exchange,
  buffer: BodyBuffer,
  headers: Fields,
  trailers: Promise<Fields>,
): TransportResponse {
  const body = new BodyReader(buffer);
  if (!exchange.over) unread.register(body, exchange);
  return {
    status: exchange.status,
    headers,
    body,
    trailers,
    connection: connectionInfo(exchange.connection as Connection, exchange.index),
    timings: exchange.timings,
    [Symbol.asyncDispose]: cancelBody,
  };
}

const unread = new FinalizationRegistry<Exchange>((exchange) => exchange.abandoned());

/** Shared by all responses; one that a layer made anew around another body disposes that. */
function cancelBody(this: TransportResponse): Promise<void> {
  return this.body.cancel();
}

function connectionInfo(connection: Connection, exchangeIndex: number): ConnectionInfo {
  const { id, protocol, origin, facts } = connection;
  const info: { -readonly [K in keyof ConnectionInfo]: ConnectionInfo[K] } = {
    id,
    protocol,
    origin,
    reused: exchangeIndex > 0,
    exchangeIndex,
  };
  // Member by member: this runs for each response, and copying an object at large is several times as slow.
  if (facts.localPort !== undefined) info.localPort = facts.localPort;
  if (facts.remoteAddress !== undefined) info.remoteAddress = facts.remoteAddress;
  if (facts.remotePort !== undefined) info.remotePort = facts.remotePort;
  if (facts.tls !== undefined) info.tls = facts.tls;
  return info;
}
