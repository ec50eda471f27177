import { once } from "node:events";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { type FetchHandler, serve, type Server } from "../src/index.ts";
import { ask, http1Client, http2Client, muxTransport, textOf } from "./clients.ts";
import { raw } from "./raw.ts";

/** A server whose handler waits to be released. */
async function holding(): Promise<{ server: Server; entered: Promise<void>; release: () => void }> {
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const fetch: FetchHandler = async ({ url }) => {
    if (!url.endsWith("/held")) return new Response("free");
    enter();
    await held;
    return new Response("held");
  };
  return { server: await serve({ hostname: "127.0.0.1", fetch }), entered, release };
}

async function refused(port: number): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return "connected";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "";
  } finally {
    socket.destroy();
  }
}

describe("drain", () => {
  it("takes no more connections and ends those of HTTP/1.1 that rest or never asked", async () => {
    const { server } = await holding();
    using rested = await raw(server.port);
    rested.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await rested.until(/free/);
    using silent = await raw(server.port);
    // Until the server has seen it: connections are accepted in order.
    using last = await raw(server.port);
    last.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await last.until(/free/);
    await server.drain();
    await Promise.all([rested.closed(), silent.closed(), last.closed()]);
    expect(await refused(server.port)).toBe("ECONNREFUSED");
  });

  it("finishes what is in flight on HTTP/1.1 and says Connection: close", async () => {
    const { server, entered, release } = await holding();
    using connection = await raw(server.port);
    connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    await entered;
    const drained = server.drain();
    release();
    expect(await connection.closed()).toMatch(/^HTTP\/1.1 200 [^]*connection: close[^]*held/i);
    await drained;
  });

  it("ends pipelined requests with the last answer, which alone says Connection: close", async () => {
    const { server, entered, release } = await holding();
    using connection = await raw(server.port);
    connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2));
    await entered;
    // The second has come too.
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    const drained = server.drain();
    release();
    const [, first = "", second = ""] = (await connection.closed()).split("HTTP/1.1 200");
    expect(first).toMatch(/connection: keep-alive[^]*held/i);
    expect(second).toMatch(/connection: close[^]*held/i);
    await drained;
  });

  it("says Connection: close to a request that comes while draining", async () => {
    const { server, entered, release } = await holding();
    using held = await raw(server.port);
    held.send("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    using late = await raw(server.port);
    late.send("GET / HTTP/1.1\r\n");
    await entered;
    // Its first line has been read, so the connection is not at rest.
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    const drained = server.drain();
    late.send("Host: a\r\n\r\n");
    expect(await late.closed()).toMatch(/^HTTP\/1.1 200 [^]*connection: close[^]*free/i);
    release();
    await drained;
  });

  it("finishes what is in flight on HTTP/2 after GOAWAY, and the session", async () => {
    const { server, entered, release } = await holding();
    await using client = http2Client(server.url);
    const held = client.open({ path: "/held" });
    await entered;
    const goaway = once(client.session, "goaway");
    const drained = server.drain();
    expect((await goaway)[0]).toBe(0);
    release();
    expect(await textOf((await held.answer).body)).toBe("held");
    await drained;
  });

  it("finishes what is in flight over WebSocket, and refuses the rest so that it can be sent elsewhere", async () => {
    const { server, entered, release } = await holding();
    await using transport = muxTransport(server.url);
    const held = transport.request({ url: `${server.url}/held` });
    await entered;
    const drained = server.drain();
    release();
    expect(await (await held).body.text()).toBe("held");
    await drained;
  });

  it("destroys what is left at its deadline, and the handler's signal fires", async () => {
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const server = await serve({
      hostname: "127.0.0.1",
      fetch: ({ signal }) => {
        signal.addEventListener("abort", () => abort());
        enter();
        return new Promise(() => {});
      },
    });
    await using client = http1Client(server.url);
    const { out, answer } = client.open({});
    out.end();
    await entered;
    await server.drain({ deadlineMs: 20 });
    await aborted;
    await expect(answer).rejects.toThrow(/hang up|reset/);
  });

  it("ends early when its signal fires, and may be asked for twice", async () => {
    const { server, entered, release } = await holding();
    await using client = http2Client(server.url);
    const held = client.open({ path: "/held" });
    await entered;
    const stop = new AbortController();
    const drains = [
      server.drain({ deadlineMs: Infinity }),
      server.close({ deadlineMs: Infinity, signal: stop.signal }),
    ];
    stop.abort();
    await Promise.all(drains);
    await expect(held.answer).rejects.toThrow(/closed|cancel/i);
    release();
  });

  it("is over at once where nothing happens, and destroy after it is fine", async () => {
    const { server } = await holding();
    await server.drain();
    await server.destroy();
    await server.close();
  });
});

describe("serve", () => {
  it("rejects with the system's error when the port is taken", async () => {
    await using server = await serve({ hostname: "127.0.0.1", fetch: () => new Response("first") });
    const second = serve({ hostname: "127.0.0.1", port: server.port, fetch: () => new Response("second") });
    await expect(second).rejects.toThrow(/EADDRINUSE/);
  });

  it("names localhost when it listens on all interfaces", async () => {
    await using server = await serve({ fetch: () => new Response("here") });
    expect(server.url).toBe(`http://localhost:${server.port}`);
    await using client = http1Client(server.url);
    expect(await ask(client, {})).toMatchObject({ text: "here" });
  });

  it("serves HTTP/1.1 and HTTP/2 on the same port", async () => {
    await using server = await serve({ hostname: "127.0.0.1", fetch: () => new Response("both") });
    await using one = http1Client(server.url);
    await using two = http2Client(server.url);
    expect([(await ask(one, {})).text, (await ask(two, {})).text]).toEqual(["both", "both"]);
  });

  it("speaks only what protocols names", async () => {
    const fetch: FetchHandler = () => new Response("spoken");
    await using first = await serve({ hostname: "127.0.0.1", protocols: ["http/1.1"], fetch });
    await using session = http2Client(first.url);
    await expect(session.open({}).answer).rejects.toThrow(/closed|Protocol error/i);
    await using second = await serve({ hostname: "127.0.0.1", protocols: ["h2"], fetch });
    using connection = await raw(second.port);
    connection.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await connection.closed()).toBe("");
    await using third = await serve({ hostname: "127.0.0.1", protocols: ["websocket"], fetch });
    using plain = await raw(third.port);
    plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect(await plain.closed()).toMatch(/^HTTP\/1.1 426 /);
    await using transport = muxTransport(third.url);
    expect(await (await transport.request({ url: third.url })).body.text()).toBe("spoken");
  });
});
