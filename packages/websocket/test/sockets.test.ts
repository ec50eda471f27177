import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { failure, getText } from "@holdfast/conformance/hostile";
import { type ConnectionEvent, events, type Transport, type TransportResponse } from "@holdfast/transport";
import { describe, expect, it, onTestFinished } from "vitest";
import { websocket } from "../src/index.ts";
import { Gate, muxServer } from "./mux-server.ts";
import { opcode, type RawSocket, rawSocketServer } from "./raw-socket.ts";

const idle = { connecting: 0, active: 0, idle: 0, draining: 0 };

function post(transport: Transport, url: string): Promise<TransportResponse> {
  return transport.request({ url, method: "POST" });
}

describe("sockets of exchanges", () => {
  it("are made only when streams run out, and never more than maxConnections", async () => {
    const gate = new Gate();
    await using server = await muxServer(async () => {
      await gate.pass();
      return { body: "ok" };
    });
    await using transport = websocket({ maxStreams: 2, maxConnections: 3 });
    const asked = [1, 2].map(() => getText(transport, server.url));
    await gate.holds(2);
    expect(server.accepted).toHaveLength(1);
    asked.push(...[3, 4, 5, 6].map(() => getText(transport, server.url)));
    await gate.holds(6);
    expect(server.accepted).toHaveLength(3);
    asked.push(...[7, 8].map(() => getText(transport, server.url)));
    expect(transport.stats()).toMatchObject({
      connections: { ...idle, active: 3 },
      exchanges: { queued: 2, inFlight: 6 },
    });
    gate.open();
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 8 }, () => "ok"));
    expect(server.accepted).toHaveLength(3);
  });

  it("take messages as long as the protocol has them, however small limits.messageBytes is", async () => {
    const text = "x".repeat(300_000);
    await using server = await muxServer(() => ({ body: text }));
    await using transport = websocket({ limits: { messageBytes: 1_000 } });
    const { body } = await transport.request({ url: server.url });
    expect(await body.text()).toBe(text);
  });

  it("carry no more than the server allows", async () => {
    const gate = new Gate();
    await using server = await muxServer(
      async () => {
        await gate.pass();
        return { body: "ok" };
      },
      { maxStreams: 1 },
    );
    await using transport = websocket({ maxConnections: 2 });
    const asked = [1, 2, 3].map(() => getText(transport, server.url));
    await gate.holds(2);
    expect(server.accepted).toHaveLength(2);
    expect(transport.stats().exchanges).toEqual({ queued: 1, inFlight: 2 });
    gate.open();
    await Promise.all(asked);
  });

  it("are kept apart by origin, and shared by http: and ws: only under their own names", async () => {
    await using server = await muxServer(() => ({ body: "ok" }));
    await using transport = websocket();
    const first = await transport.request({ url: server.url });
    const second = await transport.request({ url: server.url.replace("http:", "ws:") });
    await Promise.all([first.body.bytes(), second.body.bytes()]);
    expect(first.connection.id).not.toBe(second.connection.id);
    expect(second.connection.origin).toBe(server.url.replace("http:", "ws:"));
  });

  it("that say GOAWAY finish what runs, while new work goes to another", async () => {
    const gate = new Gate();
    await using server = await muxServer(async ({ url }) => {
      if (url.pathname === "/gate") await gate.pass();
      return { body: "ok" };
    });
    await using transport = websocket();
    const old = transport.request({ url: `${server.url}/gate`, method: "POST" });
    await gate.holds(1);
    const drained = server.ends[0]!.drain();
    const ids = new Set<string>();
    while (transport.stats().connections.draining === 0) {
      const { body, connection } = await post(transport, server.url);
      await body.bytes();
      ids.add(connection.id);
    }
    const next = await post(transport, server.url);
    await next.body.bytes();
    gate.open();
    const response = await old;
    expect(await response.body.text()).toBe("ok");
    expect(next.connection.id).not.toBe(response.connection.id);
    await drained;
    expect(transport.stats().totals).toMatchObject({ exchangesFailed: 0, connectionsOpened: 2 });
  });

  it("of full age are replaced before they go: no exchange fails, none waits for a dial", async () => {
    await using server = await muxServer(() => ({ body: "ok" }));
    await using transport = websocket({ maxAgeMs: 100 });
    await getText(transport, server.url);
    const dialled: boolean[] = [];
    const worker = async (): Promise<void> => {
      while (server.accepted.length < 4) {
        const { body, timings } = await post(transport, server.url);
        await body.bytes();
        dialled.push(timings.ready !== undefined);
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    expect(dialled).not.toContain(true);
    expect(transport.stats().totals).toMatchObject({ exchangesFailed: 0, exchangesReplayed: 0 });
  });

  it("that are closed under a POST leave it as maybe-sent; what had not left goes on another", async () => {
    const seen: string[] = [];
    const gate = new Gate();
    await using server = await muxServer(async ({ url }) => {
      seen.push(url.pathname);
      if (url.pathname === "/held") await gate.pass();
      return { body: "ok" };
    });
    await using transport = websocket({ reconnect: { minMs: 0 }, maxStreams: 1, maxConnections: 1 });
    const held = failure(post(transport, `${server.url}/held`));
    const queued = getText(transport, `${server.url}/queued`);
    await gate.holds(1);
    server.accepted[0]!.terminate();
    expect(await held).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", replaySafe: false });
    expect(await queued).toBe("ok");
    expect(seen).toEqual(["/held", "/queued"]);
    gate.open();
  });

  it("do not keep the next dial waiting when the first ended well", async () => {
    await using server = await muxServer(() => ({ body: "ok" }));
    await using transport = websocket({ maxExchanges: 1, reconnect: { minMs: 1e9, maxMs: 1e9 } });
    for (let i = 0; i < 3; i++) expect(await getText(transport, server.url)).toBe("ok");
    expect(server.accepted).toHaveLength(3);
  });

  it("publish their connections, as channels do", async () => {
    const seen: [string, string][] = [];
    for (const channel of [events.connectionDial, events.connectionOpen, events.connectionClose]) {
      const listener = (event: unknown): void =>
        void seen.push([String(channel.name), (event as ConnectionEvent).connection]);
      subscribe(String(channel.name), listener);
      onTestFinished(() => void unsubscribe(String(channel.name), listener));
    }
    await using server = await muxServer(() => ({ body: "ok" }));
    const transport = websocket();
    const { body, connection } = await transport.request({ url: server.url });
    await body.bytes();
    await transport.close();
    expect(connection).toMatchObject({ protocol: "websocket", origin: server.url, reused: false, exchangeIndex: 0 });
    expect(seen).toEqual([
      ["holdfast:connection:dial", connection.id],
      ["holdfast:connection:open", connection.id],
      ["holdfast:connection:close", connection.id],
    ]);
  });

  it("time their phases: connected, then ready with the peer's SETTINGS", async () => {
    await using server = await muxServer(() => ({ body: "ok" }));
    await using transport = websocket();
    const { body, timings } = await transport.request({ url: server.url });
    await body.bytes();
    const { connected = -1, ready = -1, sent = -1, firstByte, end = -1 } = timings;
    const order = [0, connected, ready, sent, firstByte, end];
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(timings.secured).toBeUndefined();
  });
});

// ---- flow control, frame by frame

const frames = { data: 0, headers: 1, reset: 2, window: 3, settings: 5 } as const;

function muxFrame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(8);
  head.writeUIntBE(payload.byteLength, 0, 3);
  head[3] = (type << 4) | flags;
  head.writeUInt32BE(stream, 4);
  return Buffer.concat([head, payload]);
}

function statusBlock(): Buffer {
  return Buffer.concat([Buffer.from([0, 7, 0, 3]), Buffer.from(":status200")]);
}

interface MuxFrame {
  readonly type: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function* framesOf(message: Buffer): Generator<MuxFrame> {
  for (let at = 0; at < message.byteLength;) {
    const end = at + 8 + message.readUIntBE(at, 3);
    yield {
      type: (message[at + 3] as number) >> 4,
      stream: message.readUInt32BE(at + 4),
      payload: message.subarray(at + 8, end),
    };
    at = end;
  }
}

/** The sender's side of flow control, as PROTOCOL.md has it: credit by stream, 0 being the connection's. */
class Credit {
  readonly left: Map<number, number> = new Map();
  readonly windows: Map<number, number> = new Map();
  readonly resets: Map<number, number> = new Map();
  readonly asked: Set<number> = new Set();
  readonly #socket: RawSocket;
  #streamWindow = 65_536;

  constructor(socket: RawSocket) {
    this.#socket = socket;
    this.left.set(0, 65_536);
  }

  async read(): Promise<void> {
    const { payload } = await this.#socket.frame();
    for (const frame of framesOf(payload)) {
      const { type, stream } = frame;
      if (type === frames.settings) this.#settle(frame.payload);
      else if (type === frames.headers) {
        this.asked.add(stream);
        this.left.set(stream, this.#streamWindow);
      } else if (type === frames.reset) this.resets.set(stream, frame.payload.readUInt32BE());
      else if (type === frames.window) {
        const increment = frame.payload.readUInt32BE();
        this.left.set(stream, (this.left.get(stream) ?? 0) + increment);
        this.windows.set(stream, (this.windows.get(stream) ?? 0) + increment);
      }
    }
  }

  #settle(payload: Buffer): void {
    for (let at = 0; at < payload.byteLength; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      if (payload.readUInt16BE(at) === 1) this.#streamWindow = value;
      if (payload.readUInt16BE(at) === 2) this.left.set(0, (this.left.get(0) ?? 0) + value - 65_536);
    }
  }

  /** Sends what there is credit for, of at most `bytes`; how much that was. */
  async send(stream: number, bytes: number): Promise<number> {
    const size = Math.min(16_384, bytes, this.left.get(stream) ?? 0, this.left.get(0) ?? 0);
    if (size <= 0) return 0;
    for (const id of [0, stream]) this.left.set(id, (this.left.get(id) ?? 0) - size);
    await this.#socket.send({ opcode: opcode.binary, payload: muxFrame(frames.data, 0, stream, Buffer.alloc(size)) });
    return size;
  }
}

describe("a stream whose reader has stopped", () => {
  it("holds exactly its window while another moves 100 MiB; a byte more is a breach of that stream alone", async () => {
    const total = 100 * 2 ** 20;
    const windowBytes = 2 ** 20;
    const done = Promise.withResolvers<{ stalled: number; moved: number; credit: Credit }>();
    await using server = await rawSocketServer(async (socket) => {
      const credit = new Credit(socket);
      await socket.send({ opcode: opcode.binary, payload: muxFrame(frames.settings, 0, 0) });
      while (credit.asked.size < 2) await credit.read();
      for (const stream of [1, 3])
        await socket.send({ opcode: opcode.binary, payload: muxFrame(frames.headers, 0, stream, statusBlock()) });
      let stalled = 0;
      for (let sent = -1; sent !== 0; stalled += sent) sent = await credit.send(1, total);
      let moved = 0;
      while (moved < total) {
        const sent = await credit.send(3, total - moved);
        moved += sent;
        if (sent === 0) await credit.read();
      }
      await socket.send({ opcode: opcode.binary, payload: muxFrame(frames.data, 1, 3) });
      // Nobody gave leave for it.
      await socket.send({ opcode: opcode.binary, payload: muxFrame(frames.data, 0, 1, Buffer.alloc(1)) });
      while (credit.resets.size === 0) await credit.read();
      done.resolve({ stalled, moved, credit });
    });
    await using transport = websocket({ windows: { streamBytes: windowBytes } });
    const [stalled, moving] = await Promise.all([
      post(transport, `${server.url}/1`),
      post(transport, `${server.url}/3`),
    ]);
    let received = 0;
    for await (const chunk of moving.body) received += chunk.byteLength;
    const told = await done.promise;
    expect({ received, moved: told.moved, stalled: told.stalled }).toEqual({
      received: total,
      moved: total,
      stalled: windowBytes,
    });
    expect(told.credit.windows.get(1)).toBeUndefined();
    expect([...told.credit.resets]).toEqual([[1, 3]]);
    console.log(
      `a stalled stream held ${told.stalled} of a window of ${windowBytes} bytes while another moved ${received}`,
    );
    const error = await failure(stalled.body.bytes());
    expect(error).toMatchObject({ delivery: "answered" });
  }, 60_000);
});
