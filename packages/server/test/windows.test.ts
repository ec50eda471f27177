import { describe, expect, it } from "vitest";
import { serve, type ServeOptions } from "../src/index.ts";
import { type Frame, frame, framesIn, get, post, prefaceWithWindow, windowUpdate } from "./frames.ts";
import { type Raw, raw } from "./raw.ts";

const ping = 6;
const rstStream = 3;
const endStream = 0x1;
const windowBytes = 10;
/** Of a connection, unless the client gives it more (RFC 9113, 6.9.2). */
const sessionBytes = 65_535;

const piece = new Uint8Array(16_384);
const fetch: ServeOptions["fetch"] = ({ url }) =>
  url.endsWith("/large")
    ? new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece) }))
    : new Response("0123456789");

/** What came on stream 3, `DATA` or `RST_STREAM` by their numbers, and whether it was the last. */
function small(client: Raw): readonly Frame[] {
  return framesIn(Buffer.from(client.text, "latin1")).filter(({ stream, type }) => stream === 3 && type !== 1);
}

/** The server has read what was sent, and done what it does a turn later. */
async function answered(client: Raw): Promise<void> {
  for (const name of ["whatcame", "andafter"]) {
    client.send(frame(ping, 0, Buffer.from(name)));
    await client.until(new RegExp(name));
  }
}

const requests = {
  GET: get(3, "/"),
  "POST whose body nobody reads": Buffer.concat([post(3, "/"), frame(0, 3, Buffer.from("body"), endStream)]),
  "POST that does not end": post(3, "/"),
};

/** The body of stream 3 has been sent, but not its end: stream 1 has used up the window of the connection. */
async function starved(client: Raw, request: Uint8Array): Promise<void> {
  client.send(Buffer.concat([prefaceWithWindow(windowBytes), get(1, "/large"), request]));
  await client.until(/0123456789/);
  await answered(client);
  client.send(Buffer.concat([windowUpdate(3, windowBytes), windowUpdate(1, 2 ** 20)]));
  const sent = (): number =>
    framesIn(Buffer.from(client.text, "latin1"))
      .filter(({ type }) => type === 0)
      .reduce((total, { payload }) => total + payload.byteLength, 0);
  while (sent() < sessionBytes) await new Promise((resolve) => setImmediate(resolve));
  await answered(client);
}

describe("the end of a response that waits for the window of the connection", () => {
  it.each(Object.entries(requests))("is sent when there is one: %s", async (_, request) => {
    await using server = await serve({ hostname: "127.0.0.1", fetch });
    using client = await raw(server.port);
    await starved(client, request);
    expect(small(client).map(({ type, payload }) => [type, payload.toString()])).toEqual([[0, "0123456789"]]);
    client.send(windowUpdate(0, sessionBytes));
    while (small(client).length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(small(client)[1]).toMatchObject({ type: 0, flags: endStream });
  });

  it.each(Object.entries(requests))("is given up when there is none for bodyGapMs: %s", async (_, request) => {
    await using server = await serve({ hostname: "127.0.0.1", fetch, timeouts: { bodyGapMs: 100 } });
    using client = await raw(server.port);
    await starved(client, request);
    while (small(client).length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(small(client)[1]).toMatchObject({ type: rstStream });
    expect(small(client)[1]?.payload.readUInt32BE()).toBe(8);
  });
});
