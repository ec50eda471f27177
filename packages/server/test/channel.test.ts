import { once } from "node:events";
import type { Channel } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { type ChannelHandler, serve, type ServeOptions, type Server } from "../src/index.ts";
import { certificate } from "./certificates.ts";

interface Opened extends AsyncDisposable {
  readonly server: Server;
  readonly socket: WebSocket;
  readonly channel: Channel;
  readonly request: Request;
  readonly errors: unknown[];
}

/** A channel with both of its ends; `run` is its handler. */
async function opened(options: Partial<ServeOptions> = {}, run: ChannelHandler = () => {}): Promise<Opened> {
  const { promise, resolve } = Promise.withResolvers<[Channel, Request]>();
  const errors: unknown[] = [];
  const server = await serve({
    hostname: "127.0.0.1",
    fetch: () => new Response(),
    onError: (error) => void errors.push(error),
    channel: (channel, request) => {
      resolve([channel, request]);
      return run(channel, request);
    },
    ...options,
  });
  const ca = options.tls?.cert as string | undefined;
  const socket = new WebSocket(`${server.url}/room?a=b`, { ...(ca === undefined ? {} : { ca }) });
  socket.on("error", () => {});
  await once(socket, "open");
  const [channel, request] = await promise;
  return {
    server,
    socket,
    channel,
    request,
    errors,
    [Symbol.asyncDispose]: async () => {
      socket.terminate();
      await server.destroy();
    },
  };
}

const echo: ChannelHandler = async (channel) => {
  for await (const message of channel) await channel.send(message);
};

describe("a channel", () => {
  it("carries text as text and bytes as bytes, in order", async () => {
    await using made = await opened({}, echo);
    const got: unknown[] = [];
    made.socket.on("message", (data: Buffer, isBinary) => got.push(isBinary ? [...data] : data.toString()));
    for (const message of ["one", "zwölf", new Uint8Array([1, 2]), "", new Uint8Array(0)]) made.socket.send(message);
    while (got.length < 5) await once(made.socket, "message");
    made.socket.close(1000);
    await once(made.socket, "close");
    expect(got).toEqual(["one", "zwölf", [1, 2], "", []]);
    expect(made.errors).toEqual([]);
  });

  it("comes with the request that opened it and what carries it", async () => {
    await using made = await opened();
    expect(made.request.url).toBe(`${made.server.url}/room?a=b`);
    expect(made.channel).toMatchObject({
      subprotocol: "",
      connection: {
        protocol: "websocket",
        origin: made.server.url.replace("http", "ws"),
        reused: false,
        exchangeIndex: 0,
      },
    });
    expect(made.channel.connection.localPort).toBe(made.server.port);
    expect(made.channel.connection.remoteAddress).toBe("127.0.0.1");
  });

  it("says how it is encrypted", async () => {
    await using made = await opened({ tls: await certificate() });
    expect(made.channel.connection).toMatchObject({ tls: { version: "TLSv1.3", resumed: false } });
    expect(made.channel.connection.origin).toMatch(/^wss:/);
  });

  it("ends its iteration when the client closes, after what was sent before", async () => {
    await using made = await opened();
    made.socket.send("last");
    made.socket.close(4001, "enough");
    expect(await made.channel.closed).toEqual({ code: 4001, reason: "enough", clean: true });
    const got = [];
    for await (const message of made.channel) got.push(message);
    expect(got).toEqual(["last"]);
    await expect(made.channel.send("late")).rejects.toMatchObject({ code: "CLOSED", delivery: "not-sent" });
  });

  it("fails its iteration and its senders when the connection is lost", async () => {
    await using made = await opened();
    const reading = made.channel[Symbol.asyncIterator]().next();
    made.socket.terminate();
    await expect(reading).rejects.toMatchObject({ code: "CONNECTION_LOST", phase: "channel", protocol: "websocket" });
    expect(await made.channel.closed).toMatchObject({ code: 1006, clean: false });
  });

  it("closes with a code and a reason, and is done when the client has agreed", async () => {
    await using made = await opened();
    const closed = once(made.socket, "close");
    await made.channel.close(4002, "bye");
    const [code, reason] = await closed;
    expect([code, String(reason)]).toEqual([4002, "bye"]);
    for await (const message of made.channel) expect(message).toBeUndefined();
  });

  it("closes a client that is still sending", async () => {
    await using made = await opened();
    const chunk = Buffer.alloc(32_768);
    for (let i = 0; i < 20; i++) made.socket.send(chunk);
    await made.channel.close();
    expect(await made.channel.closed).toMatchObject({ code: 1000, clean: true });
  });

  it("is destroyed at once, and its reader learns why", async () => {
    await using made = await opened();
    const reason = new Error("enough");
    const reading = made.channel[Symbol.asyncIterator]().next();
    made.channel.destroy(reason);
    await expect(reading).rejects.toMatchObject({ code: "CLOSED", cause: reason });
    await once(made.socket, "close");
  });

  it("refuses a second reader while one waits", async () => {
    await using made = await opened();
    const one = made.channel[Symbol.asyncIterator]().next();
    await expect(made.channel[Symbol.asyncIterator]().next()).rejects.toThrow(/being read/);
    made.socket.send("x");
    expect(await one).toEqual({ done: false, value: "x" });
  });

  it("goes on after a reader left its loop", async () => {
    await using made = await opened();
    made.socket.send("one");
    made.socket.send("two");
    const got = [];
    for await (const message of made.channel) {
      got.push(message);
      break;
    }
    for await (const message of made.channel) {
      got.push(message);
      break;
    }
    expect(got).toEqual(["one", "two"]);
  });
});

describe("back-pressure of a channel", () => {
  it("makes a client wait for a handler that does not read, and loses nothing", async () => {
    await using made = await opened();
    const chunk = Buffer.alloc(65_536);
    const total = 400;
    let left = 0;
    for (let i = 0; i < total; i++) made.socket.send(chunk, () => (left += 1));
    for (let before = -1; before !== left;) {
      before = left;
      for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(left).toBeLessThan(total);
    let got = 0;
    for await (const message of made.channel) {
      expect(message.length).toBe(chunk.byteLength);
      if (++got === total) break;
    }
    expect(left).toBe(total);
  });

  it("makes send() wait for a client that does not read, and fails above eight buffers", async () => {
    await using made = await opened({ limits: { sendBufferBytes: 100_000 } });
    made.socket.pause();
    const chunk = new Uint8Array(90_000);
    // The kernel takes some; from then on what is sent stays with us.
    const waiting: Promise<void>[] = [];
    let failure: unknown;
    while (failure === undefined && waiting.length < 1_000) {
      const sent = made.channel.send(chunk);
      waiting.push(sent);
      sent.catch((error: unknown) => (failure = error));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(failure).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "not-sent" });
    expect(String(failure)).toContain("limits.sendBufferBytes");
    let bytes = 0;
    made.socket.on("message", (data: Buffer) => (bytes += data.byteLength));
    made.socket.resume();
    await Promise.all(waiting.slice(0, -1));
    await made.channel.send("end");
    while (bytes < (waiting.length - 1) * chunk.byteLength + 3) await once(made.socket, "message");
  });

  it("rejects a send that waits when the connection is lost", async () => {
    await using made = await opened({ limits: { sendBufferBytes: 1_000 } });
    made.socket.pause();
    const sent = made.channel.send(new Uint8Array(1_000)).then(
      () => "sent",
      (error: { code: string }) => error.code,
    );
    made.channel.destroy();
    expect(["sent", "CLOSED"]).toContain(await sent);
    expect(await made.channel.closed).toMatchObject({ clean: false });
  });
});

describe("what a client may not do on a channel", () => {
  it("send a message longer than messageBytes: it is closed with 1009", async () => {
    await using made = await opened({ limits: { messageBytes: 1_000 } });
    const reading = made.channel[Symbol.asyncIterator]().next();
    made.socket.send(Buffer.alloc(1_001));
    const closed = once(made.socket, "close");
    await expect(reading).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect((await closed)[0]).toBe(1009);
  });

  it("send text that is not UTF-8: it is closed with 1007", async () => {
    await using made = await opened();
    const reading = made.channel[Symbol.asyncIterator]().next();
    made.socket.send(Buffer.from([0xff]), { binary: false });
    const closed = once(made.socket, "close");
    await expect(reading).rejects.toMatchObject({ code: "PROTOCOL_ERROR" });
    expect((await closed)[0]).toBe(1007);
  });

  it("be silent and not answer a ping: it is let go", async () => {
    await using made = await opened({ ping: { intervalMs: 20, timeoutMs: 20 } });
    const reading = made.channel[Symbol.asyncIterator]().next();
    // What it gets, it does not answer.
    made.socket.pause();
    await expect(reading).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  it("but may be silent for long when it answers pings", async () => {
    await using made = await opened({ ping: { intervalMs: 10, timeoutMs: 5_000 } });
    for (let pings = 0; pings < 5; pings++) await once(made.socket, "ping");
    expect(made.socket.readyState).toBe(made.socket.OPEN);
  });
});

describe("the handler of a channel", () => {
  it.each(["throws", "rejects"])("that %s ends it with 1011, and onError is told", async (how) => {
    await using made = await opened({}, () => {
      if (how === "throws") throw new Error("broken");
      return Promise.reject(new Error("broken"));
    });
    const [code] = await once(made.socket, "close");
    expect(code).toBe(1011);
    expect(made.errors).toEqual([new Error("broken")]);
  });

  it("that ends because the client is gone is no error", async () => {
    await using made = await opened({}, echo);
    made.socket.terminate();
    await made.channel.closed;
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(made.errors).toEqual([]);
  });

  it("that returns leaves it open, until draining closes it with 1001", async () => {
    await using made = await opened();
    await made.channel.send("still here");
    await once(made.socket, "message");
    const closed = once(made.socket, "close");
    await made.server.drain();
    expect((await closed)[0]).toBe(1001);
  });
});
