// Run as a process of its own: node --expose-gc half-head-process.ts [--collect]. Serves clients that begin a block of fields and
// do not end it, and ends all in every way that there is. Prints as JSON what each way has ended, then leaves while the last
// request is under way. With --collect, what is left of each session is collected at once; without, it is there to the end.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { serve, type Server } from "@holdfast/server";
import { certificate } from "./certificates.ts";
import { frame, post, prefaceWithWindow, reset, windowUpdate } from "./frames.ts";

const collect = (globalThis as { readonly gc?: () => void }).gc;
const collecting = process.argv.includes("--collect");
const wide = 2 ** 30;
const [data, headers, continuation] = [0, 1, 9];
const cancel = 8;
const frameHeadBytes = 9;
/** A literal that is in no table. */
const field = Buffer.concat([Buffer.from([0, 1]), Buffer.from("x"), Buffer.from([100]), Buffer.alloc(100, "v")]);
const more = frame(continuation, 1, Buffer.concat(Array.from({ length: 10 }, () => field)));

const tls = await certificate();
let given = 0;
/** Of the latest request: it has come, and its client has gone. */
let entered = Promise.withResolvers<void>();
let told = Promise.withResolvers<void>();
let fail = (): void => {};

function fetch({ signal, url }: Request): Response {
  signal.addEventListener("abort", () => told.resolve());
  const body = new ReadableStream({
    start: (controller) => (fail = () => controller.error(new Error("broken"))),
    pull: async (controller) => {
      if (url.endsWith("/silent") && given > 0) await new Promise(() => {});
      given += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
  });
  entered.resolve();
  return new Response(body);
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

/** Resolves when the socket takes no more: what of a stream waits there, node frees later. */
async function stuck(): Promise<void> {
  for (let before = -1; before !== given;) {
    before = given;
    await turns(200);
  }
}

async function collected(): Promise<void> {
  for (let i = 0; collecting && i < 4; i++) {
    collect?.();
    await turn();
  }
}

interface Ask {
  readonly secure: boolean;
  /** The client does not read. */
  readonly full: boolean;
  /** The stream whose block is begun: 1 is that of the request, 3 a new one. */
  readonly stream: number;
  /** Called when the block was begun. */
  readonly end: (socket: Socket, server: Server) => unknown;
}

async function ask({ secure, full, stream, end }: Ask): Promise<void> {
  const timeouts = { requestMs: 400, bodyGapMs: 400 };
  const server = await serve({ hostname: "127.0.0.1", fetch, onError: () => {}, timeouts, ...(secure && { tls }) });
  given = 0;
  [entered, told] = [Promise.withResolvers(), Promise.withResolvers()];
  const to = { port: server.port, host: "127.0.0.1" };
  const socket = secure ? connectTls({ ...to, ALPNProtocols: ["h2"], rejectUnauthorized: false }) : connect(to);
  socket.on("error", () => {});
  await once(socket, secure ? "secureConnect" : "connect");
  if (!full) socket.resume();
  socket.write(Buffer.concat([prefaceWithWindow(wide), windowUpdate(0, wide), post(1, full ? "/" : "/silent")]));
  await entered.promise;
  if (full) await stuck();
  const begun = frame(
    headers,
    stream,
    stream === 1 ? field : post(stream, "/").subarray(frameHeadBytes),
    stream === 1 ? 1 : 0,
  );
  await new Promise((resolve) => socket.write(begun, resolve));
  await turns(20);
  await end(socket, server);
  await told.promise;
  await collected();
  socket.destroy();
  await server.destroy();
  await collected();
}

/** Up to Node 24 a session does not read while it cannot write, so the client leaves too. */
async function last(socket: Socket, bytes: Uint8Array): Promise<void> {
  socket.write(bytes);
  await turns(50);
  socket.destroy();
}

/** By the client, a limit, the handler, and whoever has the server. */
const ends = {
  flood: (socket: Socket) => last(socket, Buffer.concat(Array.from({ length: 2_000 }, () => more))),
  violation: (socket: Socket) => last(socket, frame(data, 1, new Uint8Array(1))),
  reset: (socket: Socket) => last(socket, reset(1, cancel)),
  close: (socket: Socket) => void socket.destroy(),
  timeout: () => {},
  failure: () => fail(),
  destroy: (_: Socket, server: Server) => server.destroy(),
  drain: (_: Socket, server: Server) => server.drain({ deadlineMs: 1 }),
} as const;

const ended: string[] = [];
for (const secure of [false, true]) {
  for (const [name, end] of Object.entries(ends)) {
    for (const full of [false, true]) {
      for (const stream of secure ? [1] : [1, 3]) await ask({ secure, full, stream, end });
    }
    ended.push(name);
  }
}
process.stdout.write(JSON.stringify(ended), () => {
  void ask({ secure: false, full: true, stream: 1, end: () => process.exit() });
});
