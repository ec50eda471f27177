// Run as a process of its own: node --expose-gc half-head-process.ts [--collect]. Asks peers that begin a head and do not end it,
// and ends all in every way that there is. Prints as JSON what became of it, then leaves while the last exchange is under way.
// With --collect, what is left of each session is collected at once and counted; without, it is there until the process ends.
import { once } from "node:events";
import { connect } from "node:http2";
import { type AddressInfo, createServer as createPlainServer, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { queryObjects } from "node:v8";
import { authority, certificate, frame, frames, headerBlock, setting, uint } from "@holdfast/conformance/hostile";
import { http2 } from "@holdfast/http2";
import type { Transport } from "@holdfast/transport";
import { nativeHandle } from "../src/native-handle.ts";

const collect = (globalThis as { readonly gc?: () => void }).gc;
const collecting = process.argv.includes("--collect");
const wide = 2 ** 30;
const prefaceBytes = 24;
const greeting = Buffer.concat([
  frame(frames.settings, 0, Buffer.concat([uint(setting.windowBytes, 2), uint(wide, 4)])),
  frame(frames.windowUpdate, 0, uint(wide, 4)),
]);
const begun = frame(
  frames.headers,
  1,
  headerBlock([
    [":status", "200"],
    ["x-own", "v".repeat(50)],
  ]),
);
const more = frame(frames.continuation, 1, headerBlock([["x", "a".repeat(1_000)]]));
const flood = Buffer.concat(Array.from({ length: 5_000 }, () => more));

let given = 0;

async function* endless(): AsyncGenerator<Uint8Array> {
  for (;;) {
    given += 65_536;
    yield new Uint8Array(65_536);
  }
}

/** Resolves when the socket takes no more: what of a stream waits there, node frees later. */
async function stuck(socket: Socket): Promise<void> {
  socket.pause();
  for (let before = -1; before !== given;) {
    before = given;
    for (let i = 0; i < 200; i++) await turn();
  }
}

/** When the socket is full or the request whole. */
let asked: (socket: Socket) => void = () => {};
let uploads = false;

function greet(socket: Socket): void {
  socket.on("error", () => {}).write(greeting);
  let seen = Buffer.alloc(0);
  let found = false;
  socket.on("data", (chunk: Buffer) => {
    if (found) return;
    seen = Buffer.concat([seen, chunk]);
    for (let at = prefaceBytes; at + 9 <= seen.byteLength && !found; at += 9 + seen.readUIntBE(at, 3))
      found = seen[at + 3] === frames.headers;
    if (!found) return;
    void (uploads ? stuck(socket) : turn()).then(() => asked(socket));
  });
}

async function collected(): Promise<void> {
  for (let i = 0; collecting && i < 10; i++) {
    collect?.();
    await turn();
  }
}

interface Ask {
  readonly url: string;
  readonly upload: boolean;
  /** Called when the head was begun. */
  readonly end: (socket: Socket, transport: Transport, controller: AbortController) => void;
}

async function ask({ url, upload, end }: Ask): Promise<string> {
  const controller = new AbortController();
  const transport = http2({ timeouts: { bodyGapMs: 400 }, tls: { rejectUnauthorized: false } });
  const answered = Promise.withResolvers<Socket>();
  uploads = upload;
  asked = (socket) => {
    answered.resolve(socket);
    socket.write(begun, () => end(socket, transport, controller));
  };
  const request = { url, signal: controller.signal, ...(upload && { method: "POST", body: endless() }) };
  const outcome = await transport.request(request).then(
    ({ status }) => String(status),
    ({ code }: { readonly code: string }) => code,
  );
  await collected();
  (await answered.promise).destroy();
  await collected();
  await transport.destroy();
  await collected();
  return outcome;
}

/** How many native parts of sessions there are; node does not export their class. */
async function nativeSessions(url: string): Promise<number> {
  const session = connect(url);
  await once(session, "connect");
  const { constructor } = nativeHandle(session) as { readonly constructor: new () => object };
  session.destroy();
  await once(session, "close");
  await collected();
  return queryObjects(constructor, { format: "count" });
}

const pem = certificate({ ip: ["127.0.0.1"] }, authority());
const servers = [createPlainServer(greet), createTlsServer({ ...pem, ALPNProtocols: ["h2"] }, greet)] as const;
for (const server of servers) await once(server.listen(0, "127.0.0.1"), "listening");
const [plain, secure] = servers.map((server) => (server.address() as AddressInfo).port);
const urls = [`http://127.0.0.1:${plain}`, `https://127.0.0.1:${secure}`] as const;

/** On which exchanges end, each in its way: by the peer, the caller, a limit, and whoever has the transport. */
const ends: Readonly<Record<string, Ask["end"]>> = {
  flood: (socket) => void socket.write(flood),
  violation: (socket) => void socket.write(frame(frames.data, 1, new Uint8Array(1))),
  cut: (socket) => void socket.destroy(),
  abort: (_, __, controller) => controller.abort(),
  destroy: (_, transport) => void transport.destroy(),
  limit: () => {},
};

const outcomes: Record<string, string[]> = {};
for (const url of urls) {
  for (const [name, end] of Object.entries(ends)) {
    for (const upload of name === "limit" ? [true] : [false, true]) {
      (outcomes[name] ??= []).push(await ask({ url, upload, end }));
    }
  }
}
const sessions = collecting ? await nativeSessions(urls[0]) : undefined;
process.stdout.write(JSON.stringify({ outcomes, sessions }), () => {
  void ask({ url: urls[0], upload: true, end: () => process.exit() });
});
