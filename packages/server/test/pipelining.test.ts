import { describe, expect, it } from "vitest";
import { type FetchHandler, serve } from "../src/index.ts";
import { raw } from "./raw.ts";

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** A handler of which each call waits to be let go, in the order of the calls. */
function holding(): {
  fetch: FetchHandler;
  entered: string[];
  release: () => void;
  come: (path: string) => Promise<void>;
} {
  const entered: string[] = [];
  const held: (() => void)[] = [];
  let wake = (): void => {};
  return {
    entered,
    fetch: async ({ url }) => {
      const { pathname } = new URL(url);
      entered.push(pathname);
      wake();
      await new Promise<void>((resolve) => held.push(resolve));
      return new Response(`answer to ${pathname}\n`);
    },
    release: () => held.shift()?.(),
    come: async (path) => {
      while (!entered.includes(path)) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

describe("requests that a client pipelines", () => {
  it("are handled one after another, in their order", async () => {
    const { fetch, entered, release, come } = holding();
    await using server = await serve({ hostname: "127.0.0.1", fetch });
    using connection = await raw(server.port);
    connection.send(get("/1") + get("/2") + get("/3"));
    for (const path of ["/1", "/2", "/3"]) {
      await come(path);
      await turns(50);
      expect(entered.at(-1)).toBe(path);
      release();
      await connection.until(new RegExp(`answer to ${path}\n`));
    }
    expect(entered).toEqual(["/1", "/2", "/3"]);
  });

  it("are read no further than limits.maxStreams and what came with them, and are all answered", async () => {
    const { fetch, entered, release, come } = holding();
    await using server = await serve({ hostname: "127.0.0.1", fetch, limits: { maxStreams: 2 } });
    using connection = await raw(server.port);
    const count = 4_000;
    const padded = (i: number): string => `GET /${i} HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(8_000)}\r\n\r\n`;
    for (let i = 0; i < count; i++) connection.send(padded(i));
    await come("/0");
    // What the kernel takes is some megabytes; then it stands still.
    for (let before = -1; before !== connection.socket.writableLength;) {
      before = connection.socket.writableLength;
      await turns(200);
    }
    expect(connection.socket.writableLength).toBeGreaterThan(count * 4_000);
    expect(entered).toEqual(["/0"]);
    for (let i = 0; i < count; i++) {
      await come(`/${i}`);
      release();
    }
    expect(await connection.until(/answer to \/3999\n/)).toBeDefined();
  });

  it("are not handled once the connection has said its last", async () => {
    const entered: string[] = [];
    const fetch: FetchHandler = ({ url }) => {
      entered.push(new URL(url).pathname);
      return new Response("last", { headers: { connection: "close" } });
    };
    await using server = await serve({ hostname: "127.0.0.1", fetch });
    using connection = await raw(server.port);
    connection.send(get("/1") + get("/2"));
    expect(await connection.closed()).toMatch(/^HTTP\/1.1 200 [^]*connection: close[^]*last\r\n0\r\n\r\n$/i);
    expect(entered).toEqual(["/1"]);
  });

  it("are not handled once their client has gone", async () => {
    const { fetch, entered, release, come } = holding();
    const aborted = Promise.withResolvers<void>();
    await using server = await serve({
      hostname: "127.0.0.1",
      fetch: (request) => {
        request.signal.addEventListener("abort", () => aborted.resolve());
        return fetch(request);
      },
    });
    const connection = await raw(server.port);
    connection.send(get("/1") + get("/2"));
    await come("/1");
    connection.socket.destroy();
    await aborted.promise;
    release();
    await turns(50);
    expect(entered).toEqual(["/1"]);
  });

  it("are refused when they are upgrades, and the connection ends when all before are answered", async () => {
    const { fetch, release, come } = holding();
    let channels = 0;
    const channel = (): void => void (channels += 1);
    const server = await serve({ hostname: "127.0.0.1", fetch, channel });
    using connection = await raw(server.port);
    const upgrade = `GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    connection.send(get("/1") + upgrade);
    await come("/1");
    await turns(50);
    const drained = server.drain();
    await turns(50);
    expect(connection.text).toBe("");
    release();
    const [, first, second] = (await connection.closed()).split("HTTP/1.1 ");
    expect(first).toMatch(/^200 [^]*answer to \/1\n/);
    expect(second).toMatch(/^400 [^]*connection: close/i);
    expect(channels).toBe(0);
    await drained;
  });

  it("are refused with 413 in their turn when their body is too long", async () => {
    const { fetch, entered, release, come } = holding();
    await using server = await serve({ hostname: "127.0.0.1", fetch, limits: { bodyBytes: 4 } });
    using connection = await raw(server.port);
    const post = "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    connection.send(get("/1") + post + get("/3"));
    await come("/1");
    release();
    await connection.until(/answer to \/1\n[^]*HTTP\/1.1 413 /);
    expect(entered).not.toContain("/2");
  });
});

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
