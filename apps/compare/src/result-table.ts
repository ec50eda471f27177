import { count, decimal, headBytes, milliseconds } from "./figures.ts";
import { headBytesPerExchange } from "./head-count.ts";
import type { TransportJson } from "./report-json.ts";
import type { Column } from "./table.ts";

/** The figures of a target as columns and rows, in whatever form they are shown. */
export interface ResultTable {
  readonly columns: readonly Column[];
  /** One for each transport. */
  readonly rows: readonly (readonly string[])[];
}

/** Handshakes, streams and heads have a column only where there were any, or could be counted. */
export function resultTable(transports: readonly TransportJson[]): ResultTable {
  const secure = transports.some(({ handshakes: { full, resumed } }) => full + resumed > 0);
  const multiplexed = transports.some(({ maxStreams }) => maxStreams !== null);
  const counted = transports.some(({ heads }) => heads !== null);
  const right = (first: string, second: string): Column => ({ header: [first, second], align: "right" });
  const columns: Column[] = [
    { header: ["", "transport"], align: "left" },
    right("", "req/s"),
    right("p50", "ms"),
    right("p90", "ms"),
    right("p99", "ms"),
    right("connections", "opened"),
    ...(secure ? [right("TLS full", "/resumed")] : []),
    ...(multiplexed ? [right("streams", "at once")] : []),
    right("reused", "%"),
    ...(counted ? [right("heads", "B/req")] : []),
    right("CPU", "µs/req"),
  ];
  const rows = transports.map((one) => {
    const { latencyMs, handshakes, maxStreams, heads } = one;
    return [
      one.title,
      count(Math.round(one.requestsPerSecond)),
      milliseconds(latencyMs?.p50),
      milliseconds(latencyMs?.p90),
      milliseconds(latencyMs?.p99),
      count(one.connections.opened),
      ...(secure ? [`${count(handshakes.full)}/${count(handshakes.resumed)}`] : []),
      ...(multiplexed ? [maxStreams === null ? "-" : count(maxStreams)] : []),
      // Rounded down: 100 means all.
      decimal(Math.floor(one.reusedShare * 1_000) / 10, 1),
      ...(counted ? [heads === null ? "-" : headBytes(headBytesPerExchange(heads))] : []),
      decimal(one.cpuMicrosPerRequest, 0),
    ];
  });
  return { columns, rows };
}
