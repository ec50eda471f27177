// Run as a process of its own: node --expose-gc soak-process.ts <url>. Prints what it measured as JSON.
import { connect } from "node:http2";
import { setImmediate as turn } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { http2 } from "@holdfast/http2";

const url = process.argv[2] ?? "";
const collect = (globalThis as { readonly gc?: () => void }).gc as () => void;
const requests = 50_000;
const workers = 64;

const transport = http2({ maxConnections: 1, maxExchanges: Infinity, maxAgeMs: Infinity });
let cancelled = 0;

/** One in a hundred is given up within its body. */
async function get(index: number): Promise<void> {
  const long = index % 100 === 99;
  const { status, body } = await transport.request({ url: long ? `${url}long` : url });
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (long) break;
  }
  if (long) cancelled++;
  if (status !== 200 || bytes !== 200) throw new Error(`got ${status} with ${bytes} bytes`);
}

async function sequential(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await get(i);
}

async function concurrent(count: number): Promise<void> {
  await Promise.all(Array.from({ length: workers }, () => sequential(Math.ceil(count / workers))));
}

/** What is left when everything that can go has gone. */
async function heapBytes(): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 10; i++) {
    await turn();
    collect();
    least = Math.min(least, process.memoryUsage().heapUsed);
  }
  return least;
}

/** What node's streams are instances of; it does not export it. */
async function streamClass(): Promise<new () => object> {
  const session = connect(url);
  const stream = session.request();
  const constructor = stream.constructor as new () => object;
  if (queryObjects(constructor, { format: "count" }) === 0) throw new Error("streams cannot be counted");
  await new Promise((resolve) => stream.resume().once("close", resolve));
  await new Promise<void>((resolve) => session.close(resolve));
  return constructor;
}

async function main(): Promise<void> {
  const stream = await streamClass();
  // Code is compiled before the first look.
  await sequential(2_000);
  await concurrent(10_000);
  const atStart = await heapBytes();
  const streamsAtStart = queryObjects(stream, { format: "count" });
  cancelled = 0;
  await sequential(requests);
  const afterSequential = await heapBytes();
  await concurrent(requests);
  const afterConcurrent = await heapBytes();
  const streamsAtEnd = queryObjects(stream, { format: "count" });
  const server: unknown = await (await transport.request({ url: `${url}open` })).body.json();
  const { totals, connections, exchanges } = transport.stats();
  await transport.close();
  // A socket is closed some turns after it was destroyed.
  for (let i = 0; i < 100; i++) await turn();
  const handles = process.getActiveResourcesInfo().filter((name) => !/^(?:TTY|Pipe|FS|File|Immediate)/.test(name));
  const heap = { atStart, afterSequential, afterConcurrent };
  const streams = { atStart: streamsAtStart, atEnd: streamsAtEnd };
  process.stdout.write(JSON.stringify({ heap, streams, server, cancelled, totals, connections, exchanges, handles }));
}

await main();
