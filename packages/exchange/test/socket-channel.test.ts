import { setImmediate as turn } from "node:timers/promises";
import type { ConnectionInfo, Message } from "@holdfast/transport";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { SocketChannel } from "../src/index.ts";
import { FakeSocket } from "./fake-socket.ts";

const connection: ConnectionInfo = {
  id: "ws-1",
  protocol: "websocket",
  origin: "ws://a.example",
  reused: false,
  exchangeIndex: 0,
};

function channelOf(sendBufferBytes = 100): { readonly channel: SocketChannel; readonly socket: FakeSocket } {
  const socket = new FakeSocket();
  return { channel: new SocketChannel(socket, { connection, sendBufferBytes }), socket };
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let is = false;
  const mark = (): void => void (is = true);
  promise.then(mark, mark);
  await turn();
  return is;
}

async function readAll(channel: SocketChannel): Promise<Message[]> {
  const all: Message[] = [];
  for await (const message of channel) all.push(message);
  return all;
}

describe("sending", () => {
  it("waits above sendBufferBytes, until what waits is below it again", async () => {
    const { channel, socket } = channelOf(100);
    expect(await settled(channel.send("x".repeat(99)))).toBe(true);
    const [one, two] = [channel.send("é"), channel.send(new Uint8Array(50))];
    expect([await settled(one), await settled(two)]).toEqual([false, false]);
    socket.write(1);
    await Promise.all([one, two]);
    expect(socket.sent.map(({ data }) => data.length)).toEqual([1, 50]);
  });

  it("counts bytes, not characters, and fails above eight times the limit", async () => {
    const { channel, socket } = channelOf(10);
    const first = channel.send("é".repeat(40));
    await expect(channel.send("x")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "not-sent" });
    socket.write(1);
    await first;
    await channel.send("x");
  });

  it("leaves bytes to their owner, who may use them again", async () => {
    const { channel, socket } = channelOf();
    const bytes = new Uint8Array([1, 2]);
    await channel.send(bytes);
    bytes.fill(9);
    expect(socket.sent.map(({ data }) => [...(data as Uint8Array)])).toEqual([[1, 2]]);
  });

  it("does not copy for a socket that does", async () => {
    const socket = new FakeSocket();
    const channel = new SocketChannel(socket, { connection, sendBufferBytes: 100, masks: true });
    const bytes = new Uint8Array([1, 2]);
    await channel.send(bytes);
    expect(socket.sent.map(({ data }) => data)).toEqual([bytes]);
    expect(socket.sent[0]?.data).toBe(bytes);
  });

  it("that waits is told of the end, and of nothing before it", async () => {
    const { channel, socket } = channelOf(10);
    const waiting = channel.send("x".repeat(20));
    socket.write(1, new Error("EPIPE"));
    expect(await settled(waiting)).toBe(false);
    socket.ended(1_006);
    await expect(waiting).rejects.toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", phase: "channel" });
  });

  it("that waits when the peer says goodbye is told so too", async () => {
    const { channel, socket } = channelOf(10);
    const waiting = channel.send("x".repeat(20));
    socket.ended(1_000);
    await expect(waiting).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  it("on a channel that is closing is CLOSED", async () => {
    const { channel, socket } = channelOf();
    const closed = channel.close();
    await expect(channel.send("x")).rejects.toMatchObject({ code: "CLOSED", delivery: "not-sent" });
    expect(socket.sent).toHaveLength(0);
    socket.ended(1_000);
    await closed;
  });
});

describe("reading", () => {
  it("gives text as text and bytes as bytes, also what came before anybody read", async () => {
    const { channel, socket } = channelOf();
    socket.message("text");
    socket.message(new Uint8Array([1]));
    socket.ended(1_000, "done");
    expect(await readAll(channel)).toEqual(["text", Buffer.from([1])]);
    expect(await channel.closed).toEqual({ code: 1_000, reason: "done", clean: true });
  });

  it("resumes a socket that was held until somebody listens", () => {
    const socket = new FakeSocket();
    socket.pause();
    new SocketChannel(socket, { connection, sendBufferBytes: 1 });
    expect(socket.isPaused).toBe(false);
  });

  it("that is behind holds the peer, until the channel is closed", async () => {
    const { channel, socket } = channelOf();
    socket.message("x".repeat(70_000));
    expect(socket.isPaused).toBe(true);
    const closed = channel.close();
    expect(socket.isPaused).toBe(false);
    socket.message("dropped");
    socket.ended(1_000);
    await closed;
    expect((await readAll(channel)).map(({ length }) => length)).toEqual([70_000]);
  });

  it("fails with what the engine's error means, after what came before", async () => {
    const socket = new FakeSocket();
    const cause = new Error("too long");
    const channel = new SocketChannel(socket, {
      connection,
      sendBufferBytes: 1,
      failureOf: () => ({ code: "LIMIT_EXCEEDED", message: "too long (limit)" }),
    });
    socket.message("a");
    socket.emit("error", cause);
    socket.emit("error", new Error("and more"));
    socket.ended(1_006);
    const reader = channel[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: "a" });
    const error: unknown = await reader.next().catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: "LIMIT_EXCEEDED",
      message: "channel with ws://a.example: too long (limit)",
      cause,
      origin: "ws://a.example",
      protocol: "websocket",
    });
    expect(channel.isOver(error)).toBe(true);
    expect(channel.isOver(new Error("another"))).toBe(false);
    expect(channel.isOver(undefined)).toBe(false);
  });
});

describe("ending", () => {
  it("waits until all that was sent has left, and sends nothing more", async () => {
    const { channel, socket } = channelOf();
    const sent = [channel.send("a"), channel.send("b")];
    const closed = channel.close(1_000, "done");
    await expect(channel.send("c")).rejects.toMatchObject({ code: "CLOSED", delivery: "not-sent" });
    socket.write(1);
    expect(socket.closes).toEqual([]);
    socket.write(1);
    expect(socket.closes).toEqual([[1_000, "done"]]);
    socket.ended(1_000);
    await Promise.all([closed, ...sent]);
  });

  it("with a code that may not be sent is a TypeError, whatever is on its way, and the channel goes on", async () => {
    const { channel, socket } = channelOf();
    await channel.send("a");
    for (const code of [999, 1_004, 1_006, 1_015, 2_999, 5_000, 1_000.5, "1000"])
      await expect(channel.close(code as number)).rejects.toThrow(TypeError);
    await channel.send("b");
    socket.write(2);
    expect(socket.closes).toEqual([]);
  });

  it("does not read what comes after it", async () => {
    const { channel, socket } = channelOf();
    void channel.send("a");
    const closed = channel.close();
    socket.message("late");
    socket.write(1);
    socket.ended(1_000);
    await closed;
    expect(await readAll(channel)).toEqual([]);
  });

  it("waits for a peer as long as it takes something, and not for one that takes nothing", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { channel, socket } = channelOf(1_000);
    for (let i = 0; i < 4; i++) void channel.send("a");
    const closed = channel.close();
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(29_000);
      socket.write(1);
    }
    expect(socket.terminated).toBe(false);
    vi.advanceTimersByTime(30_000);
    expect([socket.closes, socket.terminated]).toEqual([[], true]);
    await closed;
    expect(await channel.closed).toMatchObject({ code: 1_006, clean: false });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("cuts a reason that does not fit a close frame, between characters", async () => {
    const { channel, socket } = channelOf();
    void channel.close(4_000, "€".repeat(50));
    expect(socket.closes).toEqual([[4_000, "€".repeat(41)]]);
  });

  it("by destroy() is CLOSED with the reason", async () => {
    const { channel, socket } = channelOf();
    const reason = new Error("enough");
    channel.destroy(reason);
    expect(socket.terminated).toBe(true);
    await expect(readAll(channel)).rejects.toMatchObject({ code: "CLOSED", cause: reason });
    expect(await channel.closed).toMatchObject({ code: 1_006, clean: false });
  });

  it("by disposing is close()", async () => {
    const { channel, socket } = channelOf();
    const disposed = channel[Symbol.asyncDispose]();
    expect(socket.closes).toEqual([[1_000, ""]]);
    socket.ended(1_000);
    await disposed;
  });
});
