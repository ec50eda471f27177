/** One measurement: `run-transfers.ts MODULE CLIENT ORIGIN BYTES` prints one line of JSON. */
import { spread } from "./rounds.ts";
import type { BenchOrigin } from "./processes.ts";
import type { TransferClients } from "./transfers.ts";

const [module = "", name = "", origin = "", bytes = ""] = process.argv.slice(2);
const { clients } = (await import(module)) as { readonly clients: TransferClients };
const open = clients[name];
if (open === undefined) throw new Error(`no client ${name}`);
const client = await open(JSON.parse(origin) as BenchOrigin);

// The first opens the connection; the others say what one round trip costs on it.
await download(200);
const roundTrips: number[] = [];
for (let trip = 0; trip < 5; trip++) roundTrips.push(await secondsOf(() => download(200)));
const downloadSeconds = await secondsOf(() => download(Number(bytes)));
const body = new Uint8Array(Number(bytes));
const uploadSeconds = await secondsOf(async () => check(await client.upload(body), body.byteLength));
await client.close();
console.log(JSON.stringify({ roundTripMs: spread(roundTrips).median * 1_000, downloadSeconds, uploadSeconds }));

async function download(count: number): Promise<void> {
  check(await client.download(count), count);
}

function check(moved: number, wanted: number): void {
  if (moved !== wanted) throw new Error(`${name} moved ${moved} bytes instead of ${wanted}`);
}

async function secondsOf(action: () => Promise<void>): Promise<number> {
  const before = performance.now();
  await action();
  return (performance.now() - before) / 1_000;
}
