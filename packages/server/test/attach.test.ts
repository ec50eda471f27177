import { once } from "node:events";
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { attach, type Attached } from "../src/index.ts";
import { muxTransport } from "./clients.ts";
import { type Raw, raw } from "./raw.ts";

interface Own extends AsyncDisposable {
  readonly server: HttpServer;
  readonly url: string;
}

/** A server that somebody has already. */
async function own(): Promise<Own> {
  const server = createServer((_, response) => response.end("plain"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function statusOf(url: string, subprotocols: string[] = []): Promise<number> {
  const socket = new WebSocket(url, subprotocols);
  socket.on("error", () => {});
  const [first] = await Promise.race([
    once(socket, "open").then(() => [101]),
    once(socket, "unexpected-response").then(([, response]) => [response.statusCode as number]),
  ]);
  socket.terminate();
  return first!;
}

describe("attach", () => {
  it("adds exchanges to a server, which goes on as before", async () => {
    await using made = await own();
    await using attached = attach(made.server, ({ url }) => new Response(`attached ${new URL(url).pathname}`));
    await using transport = muxTransport(made.url);
    expect(await (await transport.request({ url: `${made.url}/x` })).body.text()).toBe("attached /x");
    expect(await (await fetch(made.url)).text()).toBe("plain");
    await transport.close();
    await attached.drain();
    expect(await (await fetch(made.url)).text()).toBe("plain");
  });

  it("adds channels", async () => {
    await using made = await own();
    await using _ = attach(made.server, () => new Response(), { channel: (channel) => channel.send("hello") });
    const socket = new WebSocket(made.url);
    const [message] = await once(socket, "message");
    expect(String(message)).toBe("hello");
    socket.terminate();
  });

  it("refuses what it does not serve when nobody else could", async () => {
    await using made = await own();
    await using _ = attach(made.server, () => new Response(), { path: "/mux" });
    expect(await statusOf(`${made.url}/mux`)).toBe(400);
    expect(await statusOf(`${made.url}/other`, ["holdfast.mux.v1"])).toBe(404);
    expect(await statusOf(`${made.url}/mux?x`, ["holdfast.mux.v1"])).toBe(101);
  });

  it("may be called twice for a server: each serves what is its own, and what is nobody's is refused", async () => {
    await using made = await own();
    const a = attach(made.server, () => new Response("a"), { path: "/a", channel: (channel) => channel.close() });
    await using b = attach(made.server, () => new Response("b"), { path: "/b" });
    await using _ = attach(made.server, () => new Response("b, too"), { path: "/b" });
    const mux = ["holdfast.mux.v1"];
    expect(await statusOf(`${made.url}/a`, mux)).toBe(101);
    expect(await statusOf(`${made.url}/a`)).toBe(101);
    expect(await statusOf(`${made.url}/b`, mux)).toBe(101);
    expect(await statusOf(`${made.url}/b`)).toBe(400);
    expect(await statusOf(`${made.url}/c`, mux)).toBe(404);
    await using transport = muxTransport(`${made.url}/b`);
    expect(await (await transport.request({ url: made.url })).body.text()).toBe("b");
    await transport.close();
    await a.drain();
    expect(await statusOf(`${made.url}/a`, mux)).toBe(404);
    await b.drain();
    expect(await statusOf(`${made.url}/b`, mux)).toBe(101);
  });

  it.skipIf(!("shouldUpgradeCallback" in createServer()))(
    "leaves requests that offer another upgrade, as of Java's HttpClient, to the server as before",
    async () => {
      await using made = await own();
      const ask = async (): Promise<string> => {
        using connection = await raw(Number(new URL(made.url).port));
        connection.send(
          "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
        );
        return await connection.until(/\r\n\r\n[^]*\w/);
      };
      expect(await ask()).toMatch(/^HTTP\/1.1 200 [^]*plain/);
      await using _ = attach(made.server, () => new Response(), { path: "/mux" });
      await using attached = attach(made.server, () => new Response());
      expect(await ask()).toMatch(/^HTTP\/1.1 200 [^]*plain/);
      await attached.drain();
      expect(await ask()).toMatch(/^HTTP\/1.1 200 [^]*plain/);
    },
  );

  it("leaves the server as it was when all of it is over", async () => {
    await using made = await own();
    const before: unknown = Reflect.get(made.server, "shouldUpgradeCallback");
    await attach(made.server, () => new Response()).drain();
    expect(Reflect.get(made.server, "shouldUpgradeCallback")).toBe(before);
    expect(made.server.listenerCount("upgrade")).toBe(0);
  });

  it("leaves to others what it does not serve", async () => {
    await using made = await own();
    await using _ = attach(made.server, () => new Response("mux"));
    const others = new WebSocketServer({ noServer: true });
    made.server.on("upgrade", (request, socket, head) => {
      if (request.headers["sec-websocket-protocol"] === undefined) {
        others.handleUpgrade(request, socket, head, (accepted) => accepted.send("another's"));
      }
    });
    const socket = new WebSocket(made.url);
    const [message] = await once(socket, "message");
    expect(String(message)).toBe("another's");
    socket.terminate();
    await using transport = muxTransport(made.url);
    expect(await (await transport.request({ url: made.url })).body.text()).toBe("mux");
  });

  it("tells onError of an upgrade that somebody else has taken as well, and ends it", async () => {
    await using made = await own();
    const others = new WebSocketServer({ noServer: true });
    made.server.on("upgrade", (request, socket, head) => others.handleUpgrade(request, socket, head, () => {}));
    const { promise: told, resolve: tell } = Promise.withResolvers<unknown>();
    await using _ = attach(made.server, () => new Response(), { onError: tell });
    const socket = new WebSocket(made.url, "holdfast.mux.v1");
    socket.on("error", () => {});
    expect(String(await told)).toMatch(/more than once/);
    await once(socket, "close");
  });

  it("checks origins like serve", async () => {
    await using made = await own();
    await using _ = attach(made.server, () => new Response());
    const socket = new WebSocket(made.url, "holdfast.mux.v1", { origin: "https://evil.example" });
    socket.on("error", () => {});
    const [, response] = await once(socket, "unexpected-response");
    expect(response.statusCode).toBe(403);
    response.destroy();
  });

  it("drains: what is in flight ends, then the sockets, and no more are taken", async () => {
    await using made = await own();
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    await using attached = attach(made.server, async () => {
      enter();
      await held;
      return new Response("held");
    });
    await using transport = muxTransport(made.url);
    const response = transport.request({ url: made.url });
    await entered;
    const drained = attached.drain();
    release();
    expect(await (await response).body.text()).toBe("held");
    await drained;
    expect(made.server.listenerCount("upgrade")).toBe(0);
  });

  it("destroys what does not end by the deadline", async () => {
    await using made = await own();
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const attached = attach(made.server, () => {
      enter();
      return new Promise(() => {});
    });
    await using transport = muxTransport(made.url);
    const response = transport.request({ url: made.url, method: "POST" });
    response.catch(() => {});
    await entered;
    await attached.close({ deadlineMs: 10 });
    await expect(response).rejects.toMatchObject({ delivery: "maybe-sent" });
  });

  describe("to a client that does not read why it is refused", () => {
    async function refusing(): Promise<{ attached: Attached; made: Own; socket: Socket; client: Raw }> {
      const made = await own();
      const { promise: refused, resolve: refuse } = Promise.withResolvers<void>();
      const attached = attach(made.server, () => new Response(), {
        authorize: () => (refuse(), new Response("x".repeat(2 ** 25), { status: 403 })),
      });
      const accepted = once(made.server, "connection");
      const client = await raw(Number(new URL(made.url).port));
      client.socket.pause();
      client.send(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: holdfast.mux.v1\r\n\r\n",
      );
      await refused;
      const [socket] = (await accepted) as [Socket];
      while (socket.writableLength === 0) await new Promise((resolve) => setImmediate(resolve));
      return { attached, made, socket, client };
    }

    it("ends the connection before drain resolves", async () => {
      const { attached, made, socket, client } = await refusing();
      await attached.drain({ deadlineMs: 1 });
      expect(socket.closed).toBe(true);
      client[Symbol.dispose]();
      await made[Symbol.asyncDispose]();
    });

    it("ends the connection when it destroys", async () => {
      const { attached, made, socket, client } = await refusing();
      attached.destroy();
      if (!socket.closed) await once(socket, "close");
      client[Symbol.dispose]();
      await made[Symbol.asyncDispose]();
    });

    it("ends the connection after a while", async () => {
      const { attached, made, socket, client } = await refusing();
      if (!socket.closed) await once(socket, "close");
      await attached.drain();
      client[Symbol.dispose]();
      await made[Symbol.asyncDispose]();
    });
  });

  it("names the option that is wrong", () => {
    const server = createServer();
    const handler = (): Response => new Response();
    expect(() => attach(server, undefined as never)).toThrow(/fetch handler/);
    expect(() => attach(server, handler, { port: 1 } as never)).toThrow(/no option port/);
    expect(() => attach(server, handler, { limits: { maxConnections: 1 } as never })).toThrow(/maxConnections/);
    expect(() => attach(server, handler, { limits: { maxStreams: 10.5 } })).toThrow(/limits.maxStreams is not a whole/);
    expect(() => attach(server, handler, { limits: { headBytes: 0.5 } })).toThrow(TypeError);
  });
});
