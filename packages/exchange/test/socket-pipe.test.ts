import { describe, expect, it } from "vitest";
import { socketPipe } from "../src/index.ts";
import { FakeSocket, FakeWire } from "./fake-socket.ts";

function pipeOf(): {
  readonly pipe: ReturnType<typeof socketPipe>;
  readonly socket: FakeSocket;
  readonly wire: FakeWire;
  readonly heard: unknown[];
} {
  const socket = new FakeSocket();
  const wire = new FakeWire();
  const heard: unknown[] = [];
  const pipe = socketPipe(socket, wire);
  pipe.start({
    message: (message) => heard.push(message),
    closed: (error) => heard.push(error === undefined ? "closed" : error),
  });
  return { pipe, socket, wire, heard };
}

describe("a WebSocket as a pipe", () => {
  it("hands over messages as they were marked, and the end", () => {
    const { socket, heard } = pipeOf();
    socket.message("text");
    socket.message(new Uint8Array([1]));
    socket.ended(1_000);
    expect(heard).toEqual(["text", Buffer.from([1]), "closed"]);
  });

  it("resumes a socket that was held", () => {
    const socket = new FakeSocket();
    socket.pause();
    const pipe = socketPipe(socket, new FakeWire());
    expect(socket.isPaused).toBe(true);
    pipe.start({ message: () => {}, closed: () => {} });
    expect(socket.isPaused).toBe(false);
  });

  it.each([1_000, 1_005])("ends in good order with %i", (code) => {
    const { socket, heard } = pipeOf();
    socket.ended(code);
    expect(heard).toEqual(["closed"]);
  });

  it("ends with an error that names any other code and reason, on one line", () => {
    const { socket, heard } = pipeOf();
    socket.ended(1_011, "broken\nat once");
    expect(String(heard[0])).toBe("Error: the WebSocket was closed with 1011 broken at once");
    const other = pipeOf();
    other.socket.ended(1_006);
    expect(String(other.heard[0])).toBe("Error: the WebSocket was closed with 1006");
  });

  it("ends with the engine's own error, or the reason it was destroyed for", () => {
    const { socket, heard } = pipeOf();
    const error = new Error("engine");
    socket.emit("error", error);
    socket.ended(1_006);
    expect(heard).toEqual([error]);
    const other = pipeOf();
    other.pipe.destroy(error);
    expect(other.heard).toEqual([error]);
  });

  it("tells when a message was written, or never will be", () => {
    const { pipe, socket } = pipeOf();
    let written = 0;
    pipe.send(new Uint8Array([1]), () => written++);
    expect(written).toBe(0);
    socket.write(1);
    pipe.send(new Uint8Array([2]), () => written++);
    socket.write(1, new Error("EPIPE"));
    expect(written).toBe(2);
    socket.close();
    pipe.send(new Uint8Array([3]), () => written++);
    expect(written).toBe(3);
    expect(socket.sent).toEqual([]);
  });

  it("says goodbye when all that was sent has left, but at once where the peer breaks the rules", () => {
    const { pipe, socket } = pipeOf();
    pipe.send(new Uint8Array([1]), () => {});
    pipe.close(1_000, "");
    expect([socket.closes, pipe.open]).toEqual([[], false]);
    socket.write(1);
    expect(socket.closes).toEqual([[1_000, ""]]);
    const other = pipeOf();
    other.pipe.send(new Uint8Array([1]), () => {});
    other.pipe.close(1_002, "enough");
    expect(other.socket.closes).toEqual([[1_002, "enough"]]);
  });

  it("is open until it is closed, by whomever", () => {
    const { pipe, socket } = pipeOf();
    expect(pipe.open).toBe(true);
    // As when the goodbye of the peer has come.
    socket.readyState = 2;
    expect(pipe.open).toBe(false);
  });

  it("closes with a reason that fits, and holds the process or not", () => {
    const { pipe, socket, wire } = pipeOf();
    pipe.close(1_002, "x".repeat(200));
    expect(socket.closes).toEqual([[1_002, "x".repeat(123)]]);
    pipe.hold?.(true);
    expect(wire.held).toBe(true);
    pipe.hold?.(false);
    expect(wire.held).toBe(false);
  });
});
