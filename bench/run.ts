/** One measurement: `run.ts MODULE CLIENT ORIGIN REQUESTS CONCURRENCY` prints one line of JSON. */
import type { BenchClients } from "./bench.ts";
import type { BenchOrigin } from "./processes.ts";

const [module = "", name = "", origin = "", requests = "", concurrency = ""] = process.argv.slice(2);
const { clients } = (await import(module)) as { readonly clients: BenchClients };
const open = clients[name];
if (open === undefined) throw new Error(`no client ${name}`);
const client = await open(JSON.parse(origin) as BenchOrigin, Number(concurrency));

// Warm up until the compiler is done: it works beside the client, and would be charged to the requests.
await load(Math.max(20_000, Number(requests) / 3));
const cpuBefore = process.cpuUsage();
const before = performance.now();
await load(Number(requests));
const seconds = (performance.now() - before) / 1_000;
const { user, system } = process.cpuUsage(cpuBefore);
await client.close();
console.log(
  JSON.stringify({
    requestsPerSecond: Number(requests) / seconds,
    cpuMicrosPerRequest: (user + system) / Number(requests),
  }),
);

async function load(count: number): Promise<void> {
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const bytes = await client.get();
      if (bytes !== 200) throw new Error(`${name} read ${bytes} bytes instead of 200`);
    }
  };
  await Promise.all(Array.from({ length: Number(concurrency) }, worker));
}
