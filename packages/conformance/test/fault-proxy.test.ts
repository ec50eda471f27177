import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import {
  type ConnectionFaults,
  faultProxy,
  type FaultProxy,
  type FaultProxyOptions,
  ok,
  type RawPeer,
  rawAnswers,
  rawServer,
  type RawServer,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";

const long = "x".repeat(500_000);

interface Ends extends AsyncDisposable {
  readonly server: RawServer;
  readonly proxy: FaultProxy;
}

async function through(
  options: FaultProxyOptions,
  script: (peer: RawPeer) => Promise<void> | void = rawAnswers(() => ok(long)),
): Promise<Ends> {
  const server = await rawServer(script);
  const proxy = await faultProxy(server.url, options);
  return {
    server,
    proxy,
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

interface Got {
  readonly bytes: number;
  readonly end: "fin" | "ECONNRESET";
}

function dial({ proxy }: Ends): Socket {
  return connect({ host: "127.0.0.1", port: proxy.port });
}

/** Sends a request for one response, and reads until the connection ends. */
async function got(ends: Ends): Promise<Got> {
  const socket = dial(ends);
  let bytes = 0;
  socket.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
  const end = new Promise<Got["end"]>((resolve) => {
    socket.once("end", () => resolve("fin"));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code as "ECONNRESET"));
  });
  socket.write("GET / HTTP/1.1\r\n\r\n");
  const how = await end;
  socket.destroy();
  return { bytes, end: how };
}

const whole = ok(long).length;
const once200 = async (peer: RawPeer): Promise<void> => {
  await peer.request();
  peer.fin(ok(long));
};

describe("a fault proxy", () => {
  it.each([
    ["as they are", {}],
    ["at a distance", { roundTripMs: 4 }],
    ["at a distance that varies", { roundTripMs: 4, jitterMs: 4 }],
    [
      "in a trickle",
      { faults: () => ({ toClient: { kind: "trickle", afterBytes: 499_000, chunkBytes: 100, gapMs: 0.1 } }) },
    ],
  ] satisfies [string, FaultProxyOptions][])("passes bytes, and the end of them, %s", async (_, options) => {
    await using ends = await through(options, once200);
    expect(await got(ends)).toEqual({ bytes: whole, end: "fin" });
  });

  it("passes the end of one direction while the other goes on", async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.resume().once("end", () => socket.end("late"));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await using proxy = await faultProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const socket = connect({ host: "127.0.0.1", port: proxy.port, allowHalfOpen: true });
    socket.end("early");
    expect(await text(socket)).toBe("late");
    server.close();
    await once(server, "close");
  });

  it("passes a reset", async () => {
    await using ends = await through({}, async (peer) => {
      await peer.request();
      peer.reset();
    });
    expect(await got(ends)).toEqual({ bytes: 0, end: "ECONNRESET" });
  });

  it.each([0, 1, 1_000, 300_000])("ends a connection after exactly %i bytes", async (afterBytes) => {
    await using ends = await through({ faults: () => ({ toClient: { kind: "fin", afterBytes } }) });
    expect(await got(ends)).toEqual({ bytes: afterBytes, end: "fin" });
    await ends.server.idle();
  });

  it("resets a connection after so many bytes, and the origin's too", async () => {
    const ended = Promise.withResolvers<void>();
    await using ends = await through({ faults: () => ({ toOrigin: { kind: "rst", afterBytes: 5 } }) }, (peer) => {
      void peer.closed.then(ended.resolve);
    });
    expect(await got(ends)).toEqual({ bytes: 0, end: "ECONNRESET" });
    await ended.promise;
  });

  it("drops a connection at once, and serves the next", async () => {
    const dropped: ConnectionFaults = { toOrigin: { kind: "rst", afterBytes: 0 } };
    await using ends = await through({ faults: (index) => (index === 0 ? dropped : undefined) }, once200);
    expect((await got(ends)).end).toBe("ECONNRESET");
    expect(await got(ends)).toEqual({ bytes: whole, end: "fin" });
    expect(ends.proxy.connections).toBe(2);
  });

  it("swallows what comes after a black hole opened, and harms no other connection", async () => {
    await using ends = await through(
      { faults: (index) => (index === 0 ? { toClient: { kind: "black-hole", afterBytes: 10 } } : undefined) },
      once200,
    );
    const socket = dial(ends);
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await once(socket, "data");
    // The other has come and gone meanwhile.
    expect(await got(ends)).toEqual({ bytes: whole, end: "fin" });
    expect([bytes, socket.destroyed, socket.readableEnded]).toEqual([10, false, false]);
    socket.destroy();
  });

  it.each(["fin", "rst"] as const)("ends all connections by %s when it is told to", async (kind) => {
    await using ends = await through(
      {},
      rawAnswers(() => ok("short")),
    );
    const sockets = [dial(ends), dial(ends)];
    const how = sockets.map(
      (socket) =>
        new Promise((resolve) => {
          socket.once("end", () => resolve("fin"));
          socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code === "ECONNRESET" ? "rst" : code));
        }),
    );
    await Promise.all(
      sockets.map((socket) => {
        socket.write("GET / HTTP/1.1\r\n\r\n");
        return once(socket, "data");
      }),
    );
    expect(ends.proxy.open).toBe(2);
    ends.proxy.befall(kind);
    expect(await Promise.all(how)).toEqual([kind, kind]);
    await ends.server.idle();
  });

  it("resets the client of an origin that cannot be reached", async () => {
    const server = await rawServer(() => {});
    await server[Symbol.asyncDispose]();
    await using proxy = await faultProxy(server.url);
    const socket = connect({ host: "127.0.0.1", port: proxy.port });
    const [error] = await once(socket, "error").catch((reason: unknown) => [reason]);
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });

  it("has the same faults for the same seed, and others for another", async () => {
    const drawn = async (seed: number): Promise<number[]> => {
      const numbers: number[] = [];
      const faults = (_: number, random: () => number): undefined => void numbers.push(random(), random());
      await using ends = await through({ seed, faults }, once200);
      for (let i = 0; i < 3; i++) await got(ends);
      return numbers;
    };
    const first = await drawn(7);
    expect(await drawn(7)).toEqual(first);
    expect(await drawn(8)).not.toEqual(first);
    expect(new Set(first).size).toBe(6);
    for (const number of first) expect(number >= 0 && number < 1).toBe(true);
  });
});
