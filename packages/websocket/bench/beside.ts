/**
 * What a small exchange waits beside a large one: its latencies alone, beside downloads of 100 MiB on the same socket, and
 * beside them on a socket of its own, which says what the processes and the machine cost without any sharing. Downloads go at
 * the rate of a gigabit link first, then as fast as the processors let them.
 *
 *     pnpm bench:beside [--exchanges 2000] [--rounds 3]
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as turn, setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { answerOver, muxSubprotocol, socketPipe } from "@holdfast/exchange";
import type { Transport } from "@holdfast/transport";
import { websocket } from "@holdfast/websocket";
import { WebSocketServer } from "ws";

const mebibyte = 2 ** 20;
const downloadBytes = 100 * mebibyte;
const linkRate = 110 * mebibyte;
const chunk = Buffer.alloc(65_536, 120);

async function* download(bytesPerSecond: number): AsyncGenerator<Uint8Array> {
  const startedAt = performance.now();
  for (let sent = 0; sent < downloadBytes; sent += chunk.byteLength) {
    while (((performance.now() - startedAt) / 1_000) * bytesPerSecond < sent) await wait(1);
    yield chunk;
  }
}

function serve(): void {
  const server = createServer();
  const sockets = new WebSocketServer({ server, perMessageDeflate: false, handleProtocols: () => muxSubprotocol });
  sockets.on("connection", (socket, request) => {
    answerOver(socketPipe(socket, request.socket), ({ url }) =>
      url.pathname === "/small"
        ? { body: "x".repeat(200) }
        : { body: download(url.pathname === "/paced" ? linkRate : Infinity) },
    );
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit());
}

/** Latencies of small exchanges, one after the other, from the least. */
async function latencies(transport: Transport, url: string, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    const { body } = await transport.request({ url: `${url}/small` });
    await body.bytes();
    all.push(performance.now() - startedAt);
    // A caller does something between two exchanges.
    await turn();
  }
  return all.sort((a, b) => a - b);
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** Downloads one after the other until `stopped`; how many bytes came. */
async function keepDownloading(transport: Transport, url: string, stopped: () => boolean): Promise<number> {
  let bytes = 0;
  while (!stopped()) {
    const { body } = await transport.request({ url });
    for await (const part of body) {
      bytes += part.byteLength;
      if (stopped()) break;
    }
  }
  return bytes;
}

async function round(shared: Transport, own: Transport, url: string, path: string, count: number): Promise<object> {
  const alone = await latencies(shared, url, count);
  let over = false;
  const startedAt = performance.now();
  const moving = keepDownloading(shared, url + path, () => over);
  const beside = await latencies(shared, url, count);
  const apart = await latencies(own, url, count);
  over = true;
  const bytes = await moving;
  const seconds = (performance.now() - startedAt) / 1_000;
  const both = (sorted: readonly number[]): string => `${at(sorted, 0.5).toFixed(2)} / ${at(sorted, 0.99).toFixed(2)}`;
  const times = (sorted: readonly number[]): string => (at(sorted, 0.99) / at(alone, 0.99)).toFixed(1);
  return {
    "download, MiB/s": Math.round(bytes / mebibyte / seconds),
    "alone, p50 / p99 ms": both(alone),
    "same socket": both(beside),
    "own socket": both(apart),
    "p99 same socket, alone = 1": times(beside),
    "p99 own socket, alone = 1": times(apart),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { exchanges: { type: "string", default: "2000" }, rounds: { type: "string", default: "3" } },
  });
  const count = Number(values.exchanges);
  const child = fork(new URL(import.meta.url), ["serve"], { execArgv: process.execArgv });
  const [port] = (await once(child, "message")) as [number];
  const url = `http://127.0.0.1:${port}`;
  const [shared, own] = [websocket({ maxConnections: 1 }), websocket({ maxConnections: 1 })];
  for (const transport of [shared, own]) await latencies(transport, url, 2_000);
  const rows: object[] = [];
  for (const path of ["/paced", "/free"])
    for (let i = 0; i < Number(values.rounds); i++) rows.push(await round(shared, own, url, path, count));
  console.log(`${count} small exchanges alone and beside downloads of 100 MiB, Node ${process.versions.node}`);
  console.table(rows);
  await Promise.all([shared.close(), own.close()]);
  child.disconnect();
}

if (process.argv[2] === "serve") serve();
else await main();
