import { http1 } from "@holdfast/http1";
import { http2 } from "@holdfast/http2";
import type { Transport } from "@holdfast/transport";
import { websocket } from "@holdfast/websocket";
import { jsonRpc } from "@holdfast/websocket/json-rpc";
import type { Protocol, Row } from "./matrix.ts";
import type { Certificate } from "./server.ts";
import { byFields, byJsonRpc, type Load, load, requests } from "./workload.ts";

/** An adapter, and whether over TLS: a column of the matrix. */
export interface Column {
  readonly name: string;
  readonly protocol: Protocol;
  readonly tls: boolean;
}

export const columns: readonly Column[] = [
  { name: "http1", protocol: "http/1.1", tls: false },
  { name: "http1, TLS", protocol: "http/1.1", tls: true },
  { name: "http2, h2c", protocol: "h2", tls: false },
  { name: "http2, TLS", protocol: "h2", tls: true },
  { name: "websocket", protocol: "websocket", tls: false },
  { name: "websocket, TLS", protocol: "websocket", tls: true },
];

/** 64 workers shall wait for connections on HTTP/1.1; on the others it is the default. */
const maxConnections: Readonly<Record<Protocol, number>> = { "http/1.1": 16, h2: 4, websocket: 4 };

export interface Outcome extends Load {
  /** By id, how often the server's log has it. */
  readonly executions: ReadonlyMap<string, number>;
  /** Requests on each connection of the server's log. */
  readonly connections: readonly number[];
  /** Sent again by the transport, because their connection ended or refused them. */
  readonly resent: number;
}

/** A server of its own and a transport of its own, and the load between them. */
export async function runCell(row: Row, { protocol, tls }: Column, certificate: Certificate): Promise<Outcome> {
  const server = await row.start({ protocol, settings: row.settings, certificate: tls ? certificate : undefined });
  try {
    await using transport = transportFor(row, protocol, certificate);
    const done = await load(transport, server.origin, pausesMs(row), row.jsonRpc ? byJsonRpc : byFields);
    await transport.close();
    await server.close();
    const log = await server.log();
    return {
      ...done,
      executions: countBy(log.map(({ id }) => id)),
      connections: [...countBy(log.map(({ connection }) => connection)).values()],
      resent: transport.stats().totals.exchangesReplayed,
    };
  } finally {
    await server.close();
  }
}

function transportFor({ jsonRpc: isJsonRpc, told }: Row, protocol: Protocol, { cert }: Certificate): Transport {
  const options = { maxConnections: maxConnections[protocol], tls: { ca: cert } };
  if (protocol === "http/1.1") return http1(options);
  if (protocol === "h2") return http2(options);
  return websocket({ ...options, ...told, ...(isJsonRpc && { codec: jsonRpc() }) });
}

/** Around the server's own limit, so that requests meet connections that are just being closed. */
function pausesMs({ idleMs }: Row): readonly number[] {
  return idleMs === undefined ? [] : [-10, -4, 0, 4, 10].map((offset) => idleMs + offset);
}

/** What an outcome must not be, in words. */
export function problemsOf(row: Row, { protocol }: Column, outcome: Outcome): readonly string[] {
  const problems = Object.entries(outcome.failures).map(([cause, count]) => `${count} × ${cause}`);
  const { executions, connections, maxOpen } = outcome;
  const twice = [...executions.values()].filter((count) => count > 1).length;
  const max = maxConnections[protocol];
  // Near its last exchange a connection that is shared is joined by the one that takes its place.
  const maxAtOnce = row.told?.maxExchanges === undefined ? max : 2 * max;
  const perConnection = row.maxRequests?.[protocol] ?? Infinity;
  // Those that the server ended were full or fell silent; the rest are ours.
  const most = max * (1 + pausesMs(row).length) + Math.floor(requests / perConnection);
  if (executions.size !== requests) problems.push(`${executions.size} of ${requests} are in the server's log`);
  if (twice > 0) problems.push(`${twice} were executed twice`);
  if (maxOpen > maxAtOnce) problems.push(`${maxOpen} connections at a time, ${maxAtOnce} allowed`);
  if (connections.length > most) problems.push(`${connections.length} connections, ${most} explained`);
  if (perConnection !== Infinity && Math.max(...connections) !== perConnection)
    problems.push(`up to ${Math.max(...connections)} requests on a connection, not ${perConnection}`);
  return problems;
}

function countBy(names: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
