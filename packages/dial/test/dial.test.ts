import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { LookupFunction } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTransportError, type TransportError } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { dialler } from "../src/index.ts";
import { closedPort, lookupOf, rejection, requestFor, tcpServer } from "./servers.ts";

const never: LookupFunction = () => {};

async function failure(promise: Promise<unknown>): Promise<TransportError> {
  const error = await rejection(promise);
  if (!isTransportError(error)) throw error;
  expect(error.delivery).toBe("not-sent");
  expect(error.protocol).toBe("http/1.1");
  return error;
}

describe("a dial", () => {
  it("gives a connected socket with the times of its phases", async () => {
    await using server = await tcpServer();
    const lookup = lookupOf("127.0.0.1");
    const dialled = await dialler({ lookup }).dial(requestFor(`http://a.example:${server.port}`)).done;
    const { socket, startedAt, resolvedAt = NaN, connectedAt = NaN } = dialled;
    expect(lookup.asked).toEqual(["a.example"]);
    const times = [startedAt, resolvedAt, connectedAt, performance.now()];
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(dialled).toMatchObject({ remoteAddress: "127.0.0.1", remotePort: server.port, localPort: socket.localPort });
    expect(dialled.securedAt).toBeUndefined();
    expect(dialled.tls).toBeUndefined();
    socket.destroy();
  });

  it("does not resolve an IP literal", async () => {
    await using server = await tcpServer();
    const lookup = lookupOf("192.0.2.1");
    const dial = dialler({ lookup }).dial(requestFor(`http://127.0.0.1:${server.port}`));
    expect(dial.phase).toBe("connect");
    const { socket, resolvedAt } = await dial.done;
    expect(lookup.asked).toEqual([]);
    expect(resolvedAt).toBeUndefined();
    socket.destroy();
  });

  it("accepts a lookup that answers one address", async () => {
    await using server = await tcpServer();
    const lookup: LookupFunction = (_name, _options, callback) => callback(null, "127.0.0.1", 4);
    const { socket } = await dialler({ lookup }).dial(requestFor(`http://a.example:${server.port}`)).done;
    expect(socket.remotePort).toBe(server.port);
    socket.destroy();
  });

  it("hands the socket over before a byte of it was read", async () => {
    await using server = await tcpServer((socket) => socket.write("220 hello"));
    const { socket } = await dialler().dial(requestFor(`http://127.0.0.1:${server.port}`)).done;
    expect(socket.readableFlowing).not.toBe(true);
    if (socket.readableLength === 0) await once(socket, "readable");
    expect(String(socket.read())).toBe("220 hello");
    socket.destroy();
  });

  it("outlives an error that nobody listens for, and keeps it", async () => {
    await using server = await tcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const { socket } = await dialler().dial(requestFor(`http://127.0.0.1:${server.port}`)).done;
    socket.write("reset me");
    await new Promise((resolve) => socket.once("close", resolve));
    expect(socket.errored).toMatchObject({ code: "ECONNRESET" });
  });

  it("may fail while nobody waits", async () => {
    const request = requestFor(`http://127.0.0.1:${await closedPort()}`);
    const unwatched = dialler().dial(request);
    await failure(dialler().dial(request).done);
    expect(unwatched.phase).toBe("connect");
  });
});

describe("a dial that fails", () => {
  it.each<[string, LookupFunction, RegExp]>([
    [
      "fails",
      (_n, _o, callback) =>
        callback(Object.assign(new Error("getaddrinfo ENOTFOUND a.example"), { code: "ENOTFOUND" }), []),
      /ENOTFOUND/,
    ],
    ["finds nothing", (_n, _o, callback) => callback(null, []), /no address/],
    ["answers another name", (_n, _o, callback) => callback(null, "b.example", 4), /not an IP address/],
    [
      "throws",
      () => {
        throw new Error("out of order");
      },
      /out of order/,
    ],
  ])("says RESOLVE_FAILED where the lookup %s", async (_what, lookup, message) => {
    const error = await failure(dialler({ lookup }).dial(requestFor("http://a.example")).done);
    expect(error).toMatchObject({ code: "RESOLVE_FAILED", phase: "resolve", origin: "http://a.example" });
    expect(error.message).toMatch(message);
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.elapsedMs).toBeGreaterThan(0);
  });

  it("says CONNECT_FAILED with the system's error where the port is closed", async () => {
    const port = await closedPort();
    const error = await failure(dialler().dial(requestFor(`http://127.0.0.1:${port}`)).done);
    expect(error).toMatchObject({ code: "CONNECT_FAILED", phase: "connect", cause: { code: "ECONNREFUSED" } });
    expect(error.message).toBe(`no connection to http://127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}`);
  });

  it("says CONNECT_FAILED once for several addresses", async () => {
    const lookup = lookupOf("127.0.0.1", "127.0.0.2");
    const error = await failure(dialler({ lookup }).dial(requestFor(`http://a.example:${await closedPort()}`)).done);
    expect(error.code).toBe("CONNECT_FAILED");
    expect(error.cause).toBeInstanceOf(AggregateError);
  });

  it("says CONNECT_TIMEOUT and what it waited for: the name", async () => {
    const dial = dialler({ lookup: never }).dial(requestFor("http://a.example", { timeoutMs: 5 }));
    const error = await failure(dial.done);
    expect(error).toMatchObject({ code: "CONNECT_TIMEOUT", phase: "resolve" });
    expect(error.message).toBe(
      "no connection to http://a.example within 5 ms (timeouts.connectMs): a.example is not resolved yet",
    );
    expect(dial.phase).toBe("resolve");
  });

  it("says CONNECT_TIMEOUT and what it waited for: the handshake", async () => {
    await using server = await tcpServer();
    const error = await failure(
      dialler().dial(requestFor(`https://127.0.0.1:${server.port}`, { timeoutMs: 200 })).done,
    );
    expect(error).toMatchObject({ code: "CONNECT_TIMEOUT", phase: "secure" });
    expect(error.message).toMatch(/the TLS handshake with 127\.0\.0\.1 is not finished$/);
    await server.allClosed();
  });
});

describe("cancelling a dial", () => {
  it("settles it with the reason, whatever the lookup does later", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    let answer = (): void => {};
    const lookup: LookupFunction = (_name, _options, callback) => (answer = () => callback(null, "127.0.0.1", 4));
    const dial = dialler({ lookup }).dial(requestFor(`http://a.example:${server.port}`));
    const reason = new Error("no longer wanted");
    dial.cancel(reason);
    const error = await failure(dial.done);
    expect(error).toMatchObject({ code: "ABORTED", phase: "resolve" });
    expect(error.cause).toBe(reason);
    answer();
    // A dial that begins now would be seen by the server after the one that was given up.
    const later = await dialler().dial(requestFor(`http://127.0.0.1:${server.port}`)).done;
    later.socket.write("seen");
    await once(later.socket, "readable");
    expect(server.accepted).toBe(1);
    later.socket.destroy();
  });

  it("destroys a socket that is in its handshake", async () => {
    const hello = Promise.withResolvers<void>();
    await using server = await tcpServer((socket) => socket.once("data", () => hello.resolve()));
    const dial = dialler().dial(requestFor(`https://127.0.0.1:${server.port}`, { timeoutMs: Infinity }));
    await hello.promise;
    expect(dial.phase).toBe("secure");
    dial.cancel();
    expect(await failure(dial.done)).toMatchObject({ code: "ABORTED", phase: "secure" });
    await server.allClosed();
  });

  it("does nothing once the socket was handed over", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    const dial = dialler().dial(requestFor(`http://127.0.0.1:${server.port}`));
    const { socket } = await dial.done;
    dial.cancel();
    socket.write("still here");
    expect(String(await once(socket, "data"))).toBe("still here");
    socket.destroy();
  });
});

describe("a unix socket", () => {
  it("is dialled whatever the host, which is not resolved", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dial-"));
    const socketPath = join(folder, "s");
    {
      await using _server = await tcpServer((socket) => socket.end("unix"), { path: socketPath });
      const dialled = await dialler({ socketPath, lookup: never }).dial(requestFor("http://a.example")).done;
      expect(String(await once(dialled.socket, "data"))).toBe("unix");
      expect(dialled.resolvedAt).toBeUndefined();
      expect(dialled.remotePort).toBeUndefined();
    }
    const error = await failure(dialler({ socketPath }).dial(requestFor("http://a.example")).done);
    expect(error).toMatchObject({ code: "CONNECT_FAILED", phase: "connect", cause: { code: "ENOENT" } });
    await rm(folder, { recursive: true });
  });
});
