/**
 * What an idle socket costs: opens many from one process to a server in another, and prints the memory of each by socket.
 *
 *     pnpm bench:idle [--sockets 10000]
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { answerOver, muxSubprotocol, SocketChannel, socketPipe, watchSocket } from "@holdfast/exchange";
import { websocket } from "@holdfast/websocket";
import { WebSocketServer } from "ws";

interface Memory {
  readonly rss: number;
  readonly heap: number;
}

/** Kinds of sockets: for messages, and for exchanges. */
const kinds = ["channels", "exchanges"] as const;
type Kind = (typeof kinds)[number];
/** Those of the process itself, its peer and its modules. */
const spareFiles = 100;
const ping = { intervalMs: 20_000, timeoutMs: 10_000 };

async function memory(): Promise<Memory> {
  // Twice, and a little apart: what a first pass finalizes a second one frees.
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await wait(200);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}

/** Tells what it holds whenever it is asked. */
function serve(): void {
  const server = createServer();
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: false,
    clientTracking: false,
    maxPayload: 2 ** 20,
    handleProtocols: (offered) => (offered.has(muxSubprotocol) ? muxSubprotocol : false),
  });
  sockets.on("connection", (socket, request) => {
    if (socket.protocol === muxSubprotocol) {
      return void answerOver(socketPipe(socket, request.socket), () => ({ body: "ok" }));
    }
    const connection = { id: "", protocol: "websocket", origin: "", reused: false, exchangeIndex: 0 };
    new SocketChannel(socket, { connection, sendBufferBytes: 2 ** 20 });
    watchSocket(socket, request.socket, ping);
  });
  server.listen(0, "127.0.0.1", 4_096, () => process.send?.((server.address() as AddressInfo).port));
  const tell = async (): Promise<void> => void process.send?.(await memory());
  process.on("message", () => void tell());
}

/** Opens them, tells what they cost, and holds them until its parent lets go of it. */
async function hold(url: string, kind: Kind, count: number): Promise<void> {
  const transport = websocket({ maxTotalConnections: count, maxConnections: count, ping });
  // What the first ones load is not theirs.
  if (kind === "channels") await transport.open({ url }).then((channel) => channel.close());
  else await transport.warm(url);
  process.send?.(await memory());
  await once(process, "message");
  const held = new Set<unknown>();
  if (kind === "exchanges") await transport.warm(url, { connections: count });
  else {
    const openSome = async (): Promise<void> => {
      while (held.size < count) {
        const placeholder = {};
        held.add(placeholder);
        held.add(await transport.open({ url }));
        held.delete(placeholder);
      }
    };
    await Promise.all(Array.from({ length: 32 }, openSome));
  }
  const { active, idle } = transport.stats().connections;
  process.send?.({ ...(await memory()), held: active + idle });
  await once(process, "message");
}

function start(...args: string[]): ChildProcess {
  return fork(new URL(import.meta.url), args, { execArgv: [...process.execArgv, "--expose-gc"] });
}

async function ask<T>(child: ChildProcess, question?: string): Promise<T> {
  const answer = once(child, "message");
  if (question !== undefined) child.send(question);
  const [told] = (await answer) as [T];
  return told;
}

async function measure(kind: Kind, count: number): Promise<Record<string, string | number>> {
  const server = start("serve");
  const port = await ask<number>(server);
  const client = start("hold", `http://127.0.0.1:${port}`, kind, String(count));
  try {
    const clientBefore = await ask<Memory>(client);
    const serverBefore = await ask<Memory>(server, "memory");
    const clientAfter = await ask<Memory & { readonly held: number }>(client, "open");
    const serverAfter = await ask<Memory>(server, "memory");
    const { held } = clientAfter;
    const each = (before: number, after: number): string => `${((after - before) / held / 1_024).toFixed(1)} KiB`;
    return {
      kind,
      sockets: held,
      "client: resident": each(clientBefore.rss, clientAfter.rss),
      "client: heap": each(clientBefore.heap, clientAfter.heap),
      "server: resident": each(serverBefore.rss, serverAfter.rss),
      "server: heap": each(serverBefore.heap, serverAfter.heap),
    };
  } finally {
    client.kill();
    server.kill();
  }
}

/** Open files that a process may have. */
function maxFiles(): number {
  const limits = (
    process.report.getReport() as { readonly userLimits?: { readonly open_files?: { readonly soft: string } } }
  ).userLimits;
  const soft = Number(limits?.open_files?.soft);
  return Number.isNaN(soft) ? Infinity : soft;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { sockets: { type: "string", default: "10000" } } });
  const wanted = Number(values.sockets);
  const count = Math.min(wanted, maxFiles() - spareFiles);
  if (count < wanted)
    console.log(`${count} sockets, not ${wanted}: a process may have ${maxFiles()} files open (ulimit -n)`);
  const rows: Record<string, string | number>[] = [];
  for (const kind of kinds) rows.push(await measure(kind, count));
  console.log(`memory of an idle socket in user space, Node ${process.versions.node}`);
  console.table(rows);
}

const [role, url = "", kind = "", count = ""] = process.argv.slice(2);
process.on("disconnect", () => process.exit());
if (role === "serve") serve();
else if (role === "hold") await hold(url, kind as Kind, Number(count));
else await main();
