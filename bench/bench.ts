import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** What an origin tells its parent when it listens. */
export interface BenchOrigin {
  readonly url: string;
  /** In PEM, if it speaks TLS; it signs itself. */
  readonly certificate?: string;
}

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
  readonly client: string;
  readonly requestsPerSecond: number;
  readonly cpuMicrosPerRequest: number;
}

/**
 * Measures client CPU and requests per second of a small GET and prints a table.
 *
 *     pnpm bench [--requests 60000] [--concurrency 32] [--rounds 5] [--json FILE] [--only NAME,NAME]
 *
 * Each measurement is a process of its own, so nobody pays for another's heap; rounds are interleaved and shuffled, so a
 * drift of the machine hits all alike. Compare the ratios of one run, not the figures of two.
 *
 * @param clients module that exports `clients`.
 * @param origin module that serves as a child process and sends a {@link BenchOrigin}.
 */
export async function bench({ clients, origin }: { readonly clients: URL; readonly origin: URL }): Promise<void> {
  const { values } = parseArgs({
    options: {
      requests: { type: "string", default: "60000" },
      concurrency: { type: "string", default: "32" },
      rounds: { type: "string", default: "5" },
      only: { type: "string" },
      json: { type: "string" },
    },
  });
  const module = (await import(clients.href)) as { readonly clients: BenchClients };
  const names = values.only?.split(",") ?? Object.keys(module.clients);

  const child = fork(origin, { execArgv: process.execArgv });
  const [address] = (await once(child, "message")) as [BenchOrigin];
  const load = [values.requests, values.concurrency];
  const samples: Sample[] = [];
  try {
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const client of shuffled(names)) {
        samples.push(await measure(client, [clients.href, client, JSON.stringify(address), ...load]));
      }
      process.stderr.write(`round ${round + 1} of ${values.rounds}\n`);
    }
  } finally {
    child.disconnect();
  }

  const rows = names.map((client) => {
    const own = samples.filter((sample) => sample.client === client);
    return {
      client,
      cpu: median(own.map((one) => one.cpuMicrosPerRequest)),
      rate: median(own.map((one) => one.requestsPerSecond)),
    };
  });
  const [base] = rows;
  const table = rows.map((row) => ({
    client: row.client,
    "CPU µs/request": row.cpu.toFixed(1),
    "CPU, first = 1": (row.cpu / (base?.cpu ?? 1)).toFixed(2),
    "requests/s": Math.round(row.rate),
    "rate, first = 1": (row.rate / (base?.rate ?? 1)).toFixed(2),
  }));
  console.log(
    `${values.requests} GETs at concurrency ${values.concurrency}, median of ${values.rounds} rounds, Node ${process.versions.node}`,
  );
  console.table(table);
  if (values.json !== undefined) {
    const all = { schema: 1, node: process.versions.node, options: values, rows, samples };
    writeFileSync(values.json, `${JSON.stringify(all, undefined, 2)}\n`);
  }
}

async function measure(client: string, args: readonly string[]): Promise<Sample> {
  const run = fileURLToPath(new URL("run.ts", import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, run, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number];
  if (code !== 0) throw new Error(`the measurement of ${client} failed`);
  return { client, ...(JSON.parse(output) as Omit<Sample, "client">) };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
