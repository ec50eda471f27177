import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type BenchOrigin, measure, serve } from "./processes.ts";
import { ratio, rounds, spread, written } from "./rounds.ts";

/** A client under measurement: `get` reads one response of 200 bytes to its end and says how long its body was. */
export interface BenchClient {
  get(): Promise<number>;
  close(): Promise<void> | void;
}

/** By name. The first is the raw engine that the others are held against. */
export type BenchClients = Readonly<
  Record<string, (origin: BenchOrigin, concurrency: number) => BenchClient | Promise<BenchClient>>
>;

interface Sample {
  readonly requestsPerSecond: number;
  readonly cpuMicrosPerRequest: number;
}

/**
 * Measures client CPU and requests per second of a small GET and prints a table: medians, and in brackets the least and the
 * most of all rounds. Ratios are taken within each round.
 *
 *     pnpm bench [--requests 60000] [--concurrency 32] [--rounds 5] [--json FILE] [--only NAME]...
 *
 * @param clients module that exports `clients`.
 * @param origin module that serves as a child process and sends a {@link BenchOrigin}.
 * @param note printed below the table: what a reader must know to compare its rows.
 */
export async function bench({
  clients,
  origin,
  note,
}: {
  readonly clients: URL;
  readonly origin: URL;
  readonly note?: string;
}): Promise<void> {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "60000" },
      concurrency: { type: "string", default: "32" },
      rounds: { type: "string", default: "5" },
      only: { type: "string", multiple: true },
      json: { type: "string" },
    },
  });
  const module = (await import(clients.href)) as { readonly clients: BenchClients };
  const names = values.only ?? Object.keys(module.clients);

  const { address, stop } = await serve<BenchOrigin>(origin);
  const run = new URL("run.ts", import.meta.url);
  const load = [JSON.stringify(address), values.requests, values.concurrency];
  const samples = await rounds(names, Number(values.rounds), (client) =>
    measure<Sample>(run, clients, client, load),
  ).finally(stop);

  const cpuOf = (client: string): number[] => (samples.get(client) ?? []).map((one) => one.cpuMicrosPerRequest);
  const rateOf = (client: string): number[] => (samples.get(client) ?? []).map((one) => one.requestsPerSecond);
  const [base = ""] = names;
  const rows = names.map((client) => ({
    client,
    cpu: spread(cpuOf(client)),
    cpuRatio: ratio(cpuOf(client), cpuOf(base)),
    rate: spread(rateOf(client)),
    rateRatio: ratio(rateOf(client), rateOf(base)),
  }));
  console.log(
    `${values.requests} GETs at concurrency ${values.concurrency}, median of ${values.rounds} rounds, Node ${process.versions.node}`,
  );
  console.table(
    rows.map((row) => ({
      client: row.client,
      "CPU µs/request": written(row.cpu, 1),
      "CPU, first = 1": written(row.cpuRatio),
      "requests/s": Math.round(row.rate.median),
      "rate, first = 1": row.rateRatio.median.toFixed(2),
    })),
  );
  if (note !== undefined) console.log(note);
  if (values.json !== undefined) {
    const all = { schema: 2, node: process.versions.node, options: values, rows, samples: Object.fromEntries(samples) };
    writeFileSync(values.json, `${JSON.stringify(all, undefined, 2)}\n`);
  }
}
