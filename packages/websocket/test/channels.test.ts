import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { setImmediate as turn } from "node:timers/promises";
import { failure } from "@holdfast/conformance/hostile";
import { type Channel, type ConnectionEvent, events, type Message } from "@holdfast/transport";
import { describe, expect, it, onTestFinished } from "vitest";
import type { WebSocket } from "ws";
import { websocket, type WebSocketOptions } from "../src/index.ts";
import { allOf, opcode, type RawSocket, rawSocketServer, wireFrame } from "./raw-socket.ts";
import { echo, socketServer } from "./socket-server.ts";

async function next(channel: Channel): Promise<Message | undefined> {
  const { value } = await channel[Symbol.asyncIterator]().next();
  return value;
}

/** A channel to a peer that writes exactly what it is told. */
async function withRaw(
  work: (channel: Channel, far: RawSocket) => Promise<void>,
  options: WebSocketOptions = {},
): Promise<void> {
  const opened = Promise.withResolvers<RawSocket>();
  await using server = await rawSocketServer((socket) => opened.resolve(socket));
  await using transport = websocket(options);
  const channel = await transport.open({ url: server.url });
  try {
    await work(channel, await opened.promise);
  } finally {
    channel.destroy();
    await channel.closed;
    await server.idle();
  }
}

describe("messages", () => {
  it.each([0, 1, 125, 126, 65_535, 65_536, 2 ** 20])(
    "of %i bytes pass as text and as bytes, in order",
    async (length) => {
      await using server = await socketServer(echo);
      await using transport = websocket();
      await using channel = await transport.open({ url: server.url });
      const text = "é".repeat(length / 2) + "x".repeat(length % 2);
      const bytes = new Uint8Array(length).fill(7);
      const sent = Promise.all([channel.send(text), channel.send(bytes), channel.send("end")]);
      expect(await next(channel)).toBe(text);
      const back = await next(channel);
      expect(Buffer.isBuffer(back)).toBe(true);
      expect(Buffer.compare(back as Buffer, bytes)).toBe(0);
      expect(await next(channel)).toBe("end");
      await sent;
    },
  );

  it("have one reader at a time, who may leave and come back", async () => {
    await withRaw(async (channel, far) => {
      const reader = channel[Symbol.asyncIterator]();
      const first = reader.next();
      await expect(channel[Symbol.asyncIterator]().next()).rejects.toThrow(TypeError);
      await far.text("one");
      expect(await first).toEqual({ done: false, value: "one" });
      await far.text("two");
      for await (const message of channel) {
        expect(message).toBe("two");
        break;
      }
      await far.text("three");
      expect(await next(channel)).toBe("three");
    });
  });

  it("come whole, however they are cut into frames and pieces, with pings between", async () => {
    await withRaw(async (channel, far) => {
      const frames = Buffer.concat([
        wireFrame({ opcode: opcode.text, payload: "a\u20ac".slice(0, 1), fin: false }, false),
        wireFrame({ opcode: opcode.continuation, payload: Buffer.from([0xe2]), fin: false }, false),
        wireFrame({ opcode: opcode.ping, payload: "are you there" }, false),
        wireFrame({ opcode: opcode.continuation, fin: false }, false),
        wireFrame({ opcode: opcode.continuation, payload: Buffer.from([0x82, 0xac]) }, false),
      ]);
      for (const byte of frames) await far.peer.write(Buffer.from([byte]));
      expect(await next(channel)).toBe("a\u20ac");
      expect(await far.frame()).toMatchObject({
        opcode: opcode.pong,
        masked: true,
        payload: Buffer.from("are you there"),
      });
    });
  });

  it("are masked, and in one frame each", async () => {
    await withRaw(async (channel, far) => {
      await channel.send("text");
      await channel.send(new Uint8Array([1, 2]));
      expect(await far.frame()).toEqual({ opcode: opcode.text, fin: true, masked: true, payload: Buffer.from("text") });
      expect(await far.frame()).toMatchObject({ opcode: opcode.binary, payload: Buffer.from([1, 2]) });
    });
  });
});

describe("sub-protocols", () => {
  it("the server's choice is the channel's, none is an empty string", async () => {
    await using server = await socketServer(echo, { handleProtocols: (offered) => (offered.has("v1") ? "v1" : false) });
    await using transport = websocket();
    await using one = await transport.open({ url: server.url, subprotocols: ["v2", "v1"] });
    expect(one.subprotocol).toBe("v1");
    await using none = await transport.open({ url: server.url });
    expect(none.subprotocol).toBe("");
  });
});

describe("closing", () => {
  it.each<[[number?, string?], number, string]>([
    [[], 1_000, ""],
    [[1_001], 1_001, ""],
    [[3_000, "why"], 3_000, "why"],
    [[4_999, "€".repeat(42)], 4_999, "€".repeat(41)],
  ])("by us with %j tells the peer, and waits for its answer", async (args, code, reason) => {
    await withRaw(async (channel, far) => {
      const closed = channel.close(...args);
      expect(await far.closing()).toEqual({ code, reason });
      await expect(channel.send("late")).rejects.toMatchObject({ code: "CLOSED", delivery: "not-sent" });
      await far.text("not read any more");
      await far.close(code, reason);
      far.peer.fin();
      await closed;
      expect(await channel.closed).toEqual({ code, reason, clean: true });
      expect(await allOf(channel)).toEqual([]);
    });
  });

  it.each([999, 1_004, 1_005, 1_006, 1_015, 2_999, 5_000, "1000"])(
    "by us with %j, which may not be sent, is a TypeError, and the channel goes on",
    async (code) => {
      await withRaw(async (channel, far) => {
        await expect(channel.close(code as number)).rejects.toThrow(TypeError);
        await far.text("still here");
        expect(await next(channel)).toBe("still here");
      });
    },
  );

  it.each([1_000, 1_001, 1_002, 1_003, 1_007, 1_008, 1_009, 1_010, 1_011, 1_012, 1_013, 1_014, 3_000, 4_000, 4_999])(
    "by the peer with %i ends the reading after what came before, and is answered",
    async (code) => {
      await withRaw(async (channel, far) => {
        await far.text("one");
        await far.close(code, "why");
        expect(await allOf(channel)).toEqual(["one"]);
        expect(await far.closing()).toEqual({ code, reason: "why" });
        far.peer.fin();
        expect(await channel.closed).toEqual({ code, reason: "why", clean: true });
      });
    },
  );

  it("by the peer without a code is 1005", async () => {
    await withRaw(async (channel, far) => {
      await far.send({ opcode: opcode.close });
      expect(await allOf(channel)).toEqual([]);
      expect(await far.closing()).toEqual({ code: 1_005, reason: "" });
      far.peer.fin();
      expect(await channel.closed).toEqual({ code: 1_005, reason: "", clean: true });
    });
  });

  it("by both at the same time is clean", async () => {
    await withRaw(async (channel, far) => {
      const closed = channel.close(4_001);
      await far.close(4_002);
      await closed;
      expect(await far.closing()).toMatchObject({ code: 4_001 });
      expect(await channel.closed).toMatchObject({ code: 4_002, clean: true });
    });
  });

  it("ends in time also with a peer that does not answer", async () => {
    await withRaw(async (channel) => {
      await channel.close();
      expect(await channel.closed).toMatchObject({ code: 1_006, clean: false });
      await channel.close();
    });
  });

  it("ends in time also with a reader that has stopped, and a peer that sends on", async () => {
    await withRaw(async (channel, far) => {
      const payload = Buffer.alloc(65_536);
      const flood = (async () => {
        while (!far.peer.socket.destroyed) await far.send({ opcode: opcode.binary, payload });
      })();
      const closed = channel.close();
      await far.closing();
      await far.close(1_000);
      await closed;
      expect(await channel.closed).toEqual({ code: 1_000, reason: "", clean: true });
      far.peer.reset();
      await flood;
    });
  });

  it("is what disposing does", async () => {
    const closed = Promise.withResolvers<number>();
    await using server = await socketServer((socket) => socket.on("close", (code) => closed.resolve(code)));
    await using transport = websocket();
    {
      await using channel = await transport.open({ url: server.url });
      await channel.send("x");
    }
    expect(await closed.promise).toBe(1_000);
  });
});

describe("a connection that is lost", () => {
  it.each([
    ["FIN", (far: RawSocket) => far.peer.fin()],
    ["RST", (far: RawSocket) => far.peer.reset()],
    ["FIN inside a frame", (far: RawSocket) => far.peer.fin("\x81\x05he")],
  ])("by %s is CONNECTION_LOST after what came before, code 1006", async (_, end) => {
    await withRaw(async (channel, far) => {
      await far.text("one");
      expect(await next(channel)).toBe("one");
      const read = failure(allOf(channel));
      end(far);
      expect(await read).toMatchObject({
        code: "CONNECTION_LOST",
        delivery: "maybe-sent",
        phase: "channel",
        origin: channel.connection.origin,
      });
      expect(await channel.closed).toEqual({ code: 1_006, reason: "", clean: false });
      expect(await failure(channel.send("late"))).toMatchObject({ code: "CLOSED", delivery: "not-sent" });
    });
  });

  it("is told to whoever waits to send", async () => {
    await withRaw(
      async (channel, far) => {
        far.peer.socket.pause();
        const waiting: Promise<unknown>[] = [];
        // Until the kernel takes no more, so that some of it waits.
        for (let waits = false; !waits;) {
          const sent = channel.send(new Uint8Array(65_536));
          waits = (await Promise.race([sent.then(() => "sent"), turns(50)])) !== "sent";
          if (waits) waiting.push(failure(sent), failure(channel.send(new Uint8Array(65_536))));
        }
        far.peer.reset();
        for (const error of await Promise.all(waiting)) {
          expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
        }
      },
      { limits: { sendBufferBytes: 65_536 } },
    );
  });

  it("by destroy() is CLOSED, with its reason", async () => {
    await withRaw(async (channel, far) => {
      const reason = new Error("enough");
      const read = failure(allOf(channel));
      channel.destroy(reason);
      expect(await read).toMatchObject({ code: "CLOSED", cause: reason });
      expect(await channel.closed).toMatchObject({ code: 1_006, clean: false });
      await far.peer.closed;
    });
  });
});

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

describe("back-pressure", () => {
  it("a peer that does not read makes send() wait, and those that do not wait fail with LIMIT_EXCEEDED", async () => {
    await withRaw(
      async (channel, far) => {
        far.peer.socket.pause();
        const chunk = new Uint8Array(16_384).fill(1);
        let accepted = 0;
        const send = (): Promise<void> => {
          const sent = channel.send(chunk);
          accepted++;
          return sent;
        };
        let waiting: Promise<void> | undefined;
        while (waiting === undefined) {
          const sent = send();
          if ((await Promise.race([sent.then(() => "sent"), turns(50)])) !== "sent") waiting = sent;
        }
        // Nobody waits any more: up to eight times the limit is held, not a byte above.
        const held: Promise<unknown>[] = [waiting];
        let refused: unknown;
        while (refused === undefined) {
          const sent = send();
          held.push(sent);
          refused = await Promise.race([sent, turns(1)]).catch((error: unknown) => error);
        }
        held.length--;
        accepted--;
        expect(refused).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "not-sent", phase: "channel" });
        expect((refused as Error).message).toContain("over 8 times 65536 bytes (limits.sendBufferBytes)");
        expect(held.length).toBeGreaterThanOrEqual(24);
        expect(held.length).toBeLessThanOrEqual(33);
        far.peer.socket.resume();
        let received = 0;
        while (received < accepted) {
          expect((await far.frame()).payload.byteLength).toBe(16_384);
          received++;
        }
        await Promise.all(held);
        await channel.send("there is room again");
        expect(String((await far.frame()).payload)).toBe("there is room again");
      },
      { limits: { sendBufferBytes: 65_536 } },
    );
  });

  it("a reader that does not read stops the peer, and gets all of it when it does", async () => {
    await withRaw(async (channel, far) => {
      const total = 64;
      const payload = Buffer.alloc(2 ** 20, 5);
      let written = 0;
      const writing = (async () => {
        for (; written < total; written++) await far.send({ opcode: opcode.binary, payload });
      })();
      for (let before = -1; before < written;) {
        before = written;
        await turns(500);
      }
      // What the kernel holds on both sides, and a message of ours.
      expect(written).toBeLessThan(total / 2);
      let read = 0;
      for await (const message of channel) {
        expect(message.length).toBe(2 ** 20);
        if (++read === total) break;
      }
      await writing;
      expect(read).toBe(total);
    });
  });
});

describe("one message over limits.messageBytes", () => {
  it.each([
    ["announced", (far: RawSocket) => far.send({ opcode: opcode.binary, length: 2_000n, lengthBits: 64 })],
    [
      "in fragments",
      async (far: RawSocket) => {
        await far.send({ opcode: opcode.text, payload: "x".repeat(600), fin: false });
        await far.send({ opcode: opcode.continuation, payload: "x".repeat(600), fin: false });
      },
    ],
  ])("%s closes the channel with 1009: LIMIT_EXCEEDED", async (_, send) => {
    await withRaw(
      async (channel, far) => {
        await far.text("x".repeat(1_000));
        expect(await next(channel)).toHaveLength(1_000);
        const read = failure(allOf(channel));
        await send(far);
        expect(await far.closing()).toMatchObject({ code: 1_009 });
        far.peer.fin();
        expect(await read).toMatchObject({ code: "LIMIT_EXCEEDED", phase: "channel" });
        expect(await channel.closed).toMatchObject({ code: 1_006, clean: false });
      },
      { limits: { messageBytes: 1_000 } },
    );
  });
});

describe("the transport's end", () => {
  it("close() says 1001 on every channel and waits for the peers", async () => {
    const codes: number[] = [];
    await using server = await socketServer((socket) => socket.on("close", (code) => codes.push(code)));
    const transport = websocket();
    const channels = await Promise.all([1, 2, 3].map(() => transport.open({ url: server.url })));
    await Promise.all([transport.close(), transport.close()]);
    expect(await Promise.all(channels.map(({ closed }) => closed))).toEqual(
      channels.map(() => ({ code: 1_001, reason: "", clean: true })),
    );
    await server.idle();
    expect(codes).toEqual([1_001, 1_001, 1_001]);
    expect(await failure(transport.open({ url: server.url }))).toMatchObject({ code: "CLOSED", delivery: "not-sent" });
  });

  it.each([
    ["its deadline", { deadlineMs: 50 }],
    ["its signal", { signal: AbortSignal.abort() }],
  ])("close() destroys what is left at %s", async (_, options) => {
    const opened = Promise.withResolvers<RawSocket>();
    await using server = await rawSocketServer((socket) => opened.resolve(socket));
    const transport = websocket();
    const channel = await transport.open({ url: server.url });
    await opened.promise;
    await transport.close(options);
    expect(await channel.closed).toMatchObject({ code: 1_006, clean: false });
    await server.idle();
  });

  it("destroy() ends every channel now, with its reason", async () => {
    await using server = await rawSocketServer(() => {});
    const transport = websocket();
    const channel = await transport.open({ url: server.url });
    const read = failure(allOf(channel));
    const reason = new Error("enough");
    await transport.destroy(reason);
    expect(await read).toMatchObject({ code: "CLOSED", cause: reason });
    await server.idle();
    expect(transport.stats().connections.active).toBe(0);
  });
});

describe("channels are counted", () => {
  it("as connections that are in use, also while they are made", async () => {
    let take = (): void => {};
    const asked = Promise.withResolvers<void>();
    await using server = await socketServer((socket: WebSocket) => socket.on("message", () => socket.close(1_000)), {
      verifyClient: (_, done) => {
        take = () => done(true);
        asked.resolve();
      },
    });
    await using transport = websocket();
    const opening = transport.open({ url: server.url });
    await asked.promise;
    const idle = { connecting: 0, active: 0, idle: 0, draining: 0 };
    expect(transport.stats().connections).toEqual({ ...idle, connecting: 1 });
    expect(transport.stats().origins[server.url]?.connections).toEqual({ ...idle, connecting: 1 });
    take();
    const channel = await opening;
    expect(transport.stats().connections).toEqual({ ...idle, active: 1 });
    expect(transport.stats().origins[server.url]).toEqual({
      connections: { ...idle, active: 1 },
      exchanges: { queued: 0, inFlight: 0 },
    });
    await channel.send("close, please");
    await channel.closed;
    expect(transport.stats()).toMatchObject({
      connections: idle,
      origins: {},
      totals: { connectionsOpened: 1, connectionsClosed: 1, dialsFailed: 0, exchangesStarted: 0 },
    });
  });

  it("against maxTotalConnections: one more is QUEUE_FULL", async () => {
    await using server = await socketServer();
    await using transport = websocket({ maxTotalConnections: 2 });
    const [first] = await Promise.all([transport.open({ url: server.url }), transport.open({ url: server.url })]);
    const error = await failure(transport.open({ url: server.url }));
    expect(error).toMatchObject({ code: "QUEUE_FULL", delivery: "not-sent", phase: "queue" });
    expect(error.message).toContain("2 connections are in use already (maxTotalConnections)");
    await first?.close();
    await using again = await transport.open({ url: server.url });
    expect(again.connection.reused).toBe(false);
  });
});

describe("channels publish", () => {
  it("dial, open and close of their connection, under its id", async () => {
    const seen: [string, ConnectionEvent][] = [];
    for (const channel of [events.connectionDial, events.connectionOpen, events.connectionClose]) {
      const listener = (event: unknown): void => void seen.push([String(channel.name), event as ConnectionEvent]);
      subscribe(String(channel.name), listener);
      onTestFinished(() => void unsubscribe(String(channel.name), listener));
    }
    await using server = await socketServer(echo, { handleProtocols: () => false });
    const { hostname, port } = new URL(server.url);
    await using transport = websocket();
    const channel = await transport.open({ url: server.url });
    await channel.close();
    const lost = await transport.open({ url: server.url });
    lost.destroy();
    await lost.closed;
    const failed = await failure(transport.open({ url: server.url, subprotocols: ["unknown"] }));
    expect(failed.code).toBe("NEGOTIATION_FAILED");
    const common = {
      origin: server.url,
      "server.address": hostname,
      "server.port": Number(port),
      "network.protocol.name": "websocket",
    };
    const failedId = seen.at(-1)?.[1].connection ?? "";
    const one = { ...common, connection: channel.connection.id };
    const two = { ...common, connection: lost.connection.id };
    expect(seen).toEqual([
      ["holdfast:connection:dial", one],
      ["holdfast:connection:open", one],
      ["holdfast:connection:close", { ...one, reason: "done" }],
      ["holdfast:connection:dial", two],
      ["holdfast:connection:open", two],
      ["holdfast:connection:close", { ...two, reason: "lost" }],
      ["holdfast:connection:dial", { ...common, connection: failedId }],
      ["holdfast:connection:close", { ...common, connection: failedId, reason: "lost", error: failed }],
    ]);
    expect(new Set([one.connection, two.connection, failedId]).size).toBe(3);
  });
});
