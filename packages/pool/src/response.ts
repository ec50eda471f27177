import { BodyReader, type ConnectionInfo, type TransportResponse } from "@holdfast/transport";
import type { Answer } from "./answer.ts";
import type { Connection } from "./connection.ts";
import type { Exchange } from "./exchange.ts";

/** The response that the caller gets. Nothing of ours refers to its body, so that one thrown away unread is noticed. */
export function responseOf(exchange: Exchange, answer: Answer): TransportResponse {
  const body = new BodyReader(answer.body);
  if (!exchange.over) unread.register(body, exchange);
  return {
    status: answer.status,
    headers: answer.headers,
    body,
    trailers: answer.trailers(),
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
