import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchSocket } from "../src/index.ts";
import { FakeSocket, FakeWire } from "./fake-socket.ts";

const ping = { intervalMs: 1_000, timeoutMs: 500 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched(): { readonly socket: FakeSocket; readonly wire: FakeWire } {
  const socket = new FakeSocket();
  const wire = new FakeWire();
  watchSocket(socket, wire, ping);
  return { socket, wire };
}

describe("a socket that is watched", () => {
  it("is pinged after intervalMs of silence, and ended timeoutMs later", async () => {
    const { socket } = watched();
    await vi.advanceTimersByTimeAsync(999);
    expect(socket.pings).toBe(0);
    await vi.advanceTimersByTimeAsync(2);
    expect(socket.pings).toBe(1);
    await vi.advanceTimersByTimeAsync(498);
    expect(socket.terminated).toBe(false);
    await vi.advanceTimersByTimeAsync(5);
    expect(socket.terminated).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ["a message", (socket: FakeSocket) => socket.message("x")],
    ["a pong", (socket: FakeSocket) => socket.emit("pong")],
    ["a ping", (socket: FakeSocket) => socket.emit("ping")],
    ["a part of a frame", (_: FakeSocket, wire: FakeWire) => void wire.bytesRead++],
    ["a reader that has stopped", (socket: FakeSocket) => socket.pause()],
  ])("lives on by %s", async (_, live) => {
    const { socket, wire } = watched();
    for (let i = 0; i < 10; i++) {
      await vi.advanceTimersByTimeAsync(1_400);
      live(socket, wire);
    }
    expect(socket.terminated).toBe(false);
    socket.isPaused = false;
    await vi.advanceTimersByTimeAsync(3_010);
    expect(socket.terminated).toBe(true);
  });

  it("is not pinged while it hears", async () => {
    const { socket } = watched();
    for (let i = 0; i < 20; i++) {
      await vi.advanceTimersByTimeAsync(400);
      socket.message("x");
    }
    expect(socket.pings).toBe(0);
  });

  it("is forgotten when it is closed", async () => {
    const { socket } = watched();
    socket.ended(1_000);
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(socket.pings).toBe(0);
  });
});
