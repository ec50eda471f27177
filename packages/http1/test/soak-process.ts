// Run as a process of its own: node --expose-gc soak-process.ts <url>. Prints what it measured as JSON.
import { setImmediate as turn } from "node:timers/promises";
import { http1 } from "@holdfast/http1";

const url = process.argv[2] ?? "";
const collect = (globalThis as { readonly gc?: () => void }).gc as () => void;
const requests = 50_000;
const workers = 64;

// Whether some of them grow idle meanwhile is a matter of how fast the machine is.
const transport = http1({ maxConnections: 16, idleTimeoutMs: Infinity, maxAgeMs: Infinity });

async function get(): Promise<void> {
  const { status, body } = await transport.request({ url });
  const { byteLength } = await body.bytes();
  if (status !== 200 || byteLength !== 200) throw new Error(`got ${status} with ${byteLength} bytes`);
}

async function sequential(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await get();
}

async function concurrent(count: number): Promise<void> {
  await Promise.all(Array.from({ length: workers }, () => sequential(Math.floor(count / workers))));
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

async function main(): Promise<void> {
  // Code is compiled and pools are filled before the first look.
  await sequential(2_000);
  await concurrent(10_000);
  const atStart = await heapBytes();
  await sequential(requests);
  const afterSequential = await heapBytes();
  await concurrent(requests);
  const afterConcurrent = await heapBytes();
  const { totals } = transport.stats();
  await transport.close();
  // A socket is closed some turns after it was destroyed.
  for (let i = 0; i < 100; i++) await turn();
  const handles = process.getActiveResourcesInfo().filter((name) => !/^(?:TTY|Pipe|FS|File|Immediate)/.test(name));
  process.stdout.write(JSON.stringify({ atStart, afterSequential, afterConcurrent, totals, handles }));
}

await main();
