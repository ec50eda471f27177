import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { faultProxy, ok, rawAnswers, rawServer } from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";

const request = "GET / HTTP/1.1\r\n\r\n";

/** A connection that has been answered once. */
async function used(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  socket.write(request);
  await once(socket, "data");
  return socket;
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

describe("a fault proxy that is told to", () => {
  it("ends the connection that is named, and no other", async () => {
    await using server = await rawServer(rawAnswers(() => ok()));
    await using proxy = await faultProxy(server.url);
    const [first, second] = [await used(proxy.port), await used(proxy.port)];
    expect(proxy.openConnections).toEqual([0, 1]);
    proxy.befall("rst", 0);
    await closed(first);
    second.write(request);
    expect(String((await once(second, "data"))[0])).toBe(ok());
    expect(proxy.openConnections).toEqual([1]);
    second.destroy();
  });

  it("counts the bytes of a fault from when it is armed", async () => {
    await using server = await rawServer(rawAnswers(() => ok("x".repeat(1_000))));
    await using proxy = await faultProxy(server.url);
    const socket = await used(proxy.port);
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
    proxy.arm(0, { toClient: { kind: "fin", afterBytes: 100 } });
    socket.write(request);
    await once(socket, "end");
    expect(bytes).toBe(100);
    socket.destroy();
  });

  it("reads nothing more of a client, while what the origin sends still comes", async () => {
    const go = Promise.withResolvers<void>();
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write(ok());
      await go.promise;
      await peer.write("late");
    });
    await using proxy = await faultProxy(server.url);
    const socket = await used(proxy.port);
    proxy.befall("deaf", 0);
    socket.write(request);
    go.resolve();
    expect(String((await once(socket, "data"))[0])).toBe("late");
    expect(server.requests).toHaveLength(1);
    socket.destroy();
  });

  it("resets a connection whose end is on its way, and keeps nothing of it", async () => {
    await using server = await rawServer(rawAnswers(() => ok()));
    await using proxy = await faultProxy(server.url);
    const socket = await used(proxy.port);
    proxy.befall("fin", 0);
    proxy.befall("rst", 0);
    await closed(socket);
    await server.idle();
    expect(proxy.open).toBe(0);
  });
});
