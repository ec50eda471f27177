import { once } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import { expect, it } from "vitest";
import { serve } from "../src/index.ts";
import { ResetBudget } from "../src/reset-budget.ts";
import { http2Client } from "./clients.ts";
import { frame, framesIn, get, post, preface, reset } from "./frames.ts";
import { raw } from "./raw.ts";

const goAway = 7;
const refused = 7;
const cancel = 8;
const enhanceYourCalm = 11;

it("a client that opens and resets streams in one go runs hardly a handler and loses its session", async () => {
  let handlers = 0;
  await using server = await serve({ hostname: "127.0.0.1", fetch: () => ((handlers += 1), new Response("x")) });
  using client = await raw(server.port);
  const flood = Array.from({ length: 2_000 }, (_, i) => [get(2 * i + 1, "/"), reset(2 * i + 1, cancel)]).flat();
  client.send(Buffer.concat([preface, ...flood]));
  const frames = framesIn(Buffer.from(await client.closed(), "latin1"));
  expect(frames.some(({ type }) => type === goAway)).toBe(true);
  expect(handlers).toBeLessThan(250);
});

it("a client that resets each stream once its handler runs is stopped at maxResets", async () => {
  const waiting: (() => void)[] = [];
  let handlers = 0;
  await using server = await serve({
    hostname: "127.0.0.1",
    limits: { maxResets: 10 },
    fetch: ({ signal }) => {
      handlers += 1;
      waiting.shift()?.();
      return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    },
  });
  using client = await raw(server.port);
  client.send(preface);
  let over = false;
  const closed = client.closed().then((text) => ((over = true), text));
  for (let stream = 1; !over && stream < 200; stream += 2) {
    const started = new Promise<void>((resolve) => waiting.push(resolve));
    client.send(post(stream, "/"));
    await Promise.race([started, closed]);
    client.send(reset(stream, cancel));
  }
  const last = framesIn(Buffer.from(await closed, "latin1")).findLast(({ type }) => type === goAway);
  expect(last?.payload.readUInt32BE(4)).toBe(enhanceYourCalm);
  expect(handlers).toBeLessThan(15);
});

it("answers that were finished do not count, however they are reset afterwards", async () => {
  await using server = await serve({ hostname: "127.0.0.1", limits: { maxResets: 2 }, fetch: () => new Response("x") });
  using client = await raw(server.port);
  client.send(preface);
  for (let stream = 1; stream <= 21; stream += 2) {
    const before = client.text.length;
    client.send(get(stream, "/"));
    while (!client.text.slice(before).includes("x")) await new Promise((resolve) => setImmediate(resolve));
    client.send(reset(stream, cancel));
  }
  client.send(frame(6, 0, Buffer.from("12345678")));
  await client.until(/12345678/);
});

/** Cancels a download once its first bytes have come; gives the code that the stream was closed with. */
async function cancelled(session: ClientHttp2Session): Promise<number> {
  const stream = session.request({ ":path": "/" });
  stream.on("error", () => {});
  stream.once("data", () => stream.close(cancel));
  await new Promise<void>((resolve) => stream.once("close", resolve));
  return stream.rstCode;
}

function endless(pieceBytes: number): () => Response {
  const piece = new Uint8Array(pieceBytes);
  return () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece) }));
}

it("a client may cancel more downloads than node would take on one session", async () => {
  await using server = await serve({ hostname: "127.0.0.1", limits: { maxResets: 1_000 }, fetch: endless(262_144) });
  await using client = http2Client(server.url);
  const codes = new Set<number>();
  for (let download = 0; download < 400; download++) codes.add(await cancelled(client.session));
  expect([...codes]).toEqual([cancel]);
});

it("a session whose cancelled downloads have left much behind in node's account ends in peace", async () => {
  await using server = await serve({ hostname: "127.0.0.1", fetch: endless(64 * 2 ** 20) });
  await using client = http2Client(server.url);
  const { session } = client;
  const goodbye = once(session, "goaway");
  const codes = new Set<number>();
  for (let download = 0; download < 20 && !session.closed; download++) codes.add(await cancelled(session));
  expect((await goodbye)[0]).toBe(0);
  // What is sent as the goodbye comes can be sent again.
  codes.delete(refused);
  expect([...codes]).toEqual([cancel]);
  await using next = http2Client(server.url);
  expect(await cancelled(next.session)).toBe(cancel);
});

it("a client that never sends the rest of a head holds nothing but its own connection", async () => {
  await using server = await serve({ hostname: "127.0.0.1", timeouts: { idleMs: 30 }, fetch: () => new Response("x") });
  using client = await raw(server.port);
  client.send(Buffer.concat([preface, frame(1, 1, Buffer.alloc(0), 0)]));
  const frames = framesIn(Buffer.from(await client.closed(), "latin1"));
  expect(frames.some(({ type }) => type === goAway)).toBe(true);
});

it("a reset budget gives its burst, then a fifth of it each second", () => {
  const budget = new ResetBudget(10);
  const taken = (now: number): number => {
    let count = 0;
    while (budget.take(now)) count += 1;
    return count;
  };
  expect(taken(0)).toBe(10);
  expect(taken(400)).toBe(0);
  expect(taken(1_000)).toBe(2);
  expect(taken(1_000_000)).toBe(10);
});
