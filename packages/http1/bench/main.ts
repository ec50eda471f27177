/**
 * Client CPU and requests per second of a small GET, body read: our adapter beside its engine and its peers, in one run.
 *
 *     pnpm bench [--requests 60000] [--concurrency 32] [--rounds 5] [--json FILE] [--only NAME,NAME]
 *
 * Each measurement is a process of its own, so nobody pays for another's heap; rounds are interleaved and shuffled, so a
 * drift of the machine hits all alike. Compare the ratios of one run, not the figures of two.
 */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { clientNames } from "./clients.ts";

interface Sample {
  readonly client: string;
  readonly requestsPerSecond: number;
  readonly cpuMicrosPerRequest: number;
}

const { values } = parseArgs({
  options: {
    requests: { type: "string", default: "60000" },
    concurrency: { type: "string", default: "32" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    json: { type: "string" },
  },
});
const names = values.only?.split(",") ?? clientNames;

const origin = fork(new URL("origin.ts", import.meta.url), { execArgv: process.execArgv });
const [{ url }] = (await once(origin, "message")) as [{ url: string }];
const samples: Sample[] = [];
try {
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const client of shuffled(names)) samples.push(await measure(client, url));
    process.stderr.write(`round ${round + 1} of ${values.rounds}\n`);
  }
} finally {
  origin.disconnect();
}

const rows = names.map((client) => {
  const own = samples.filter((sample) => sample.client === client);
  return { client, cpu: median(own.map((one) => one.cpuMicrosPerRequest)), rate: median(own.map((one) => one.requestsPerSecond)) };
});
const base = rows.find((row) => row.client === "undici dispatch") ?? rows[0];
const table = rows.map((row) => ({
  client: row.client,
  "CPU µs/request": row.cpu.toFixed(1),
  "CPU, dispatch = 1": (row.cpu / (base?.cpu ?? 1)).toFixed(2),
  "requests/s": Math.round(row.rate),
  "rate, dispatch = 1": (row.rate / (base?.rate ?? 1)).toFixed(2),
}));
console.log(`${values.requests} GETs at concurrency ${values.concurrency}, median of ${values.rounds} rounds, Node ${process.versions.node}`);
console.table(table);
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ schema: 1, node: process.versions.node, options: values, rows, samples }, undefined, 2)}\n`);
}

async function measure(client: string, url: string): Promise<Sample> {
  const run = new URL("run.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [...process.execArgv, run, client, url, values.requests, values.concurrency], {
    stdio: ["ignore", "pipe", "inherit"],
  });
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
