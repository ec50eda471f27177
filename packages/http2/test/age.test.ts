import { endStream, type FramePeer, frameAnswers, frameServer, getText } from "@holdfast/conformance/hostile";
import type { TransportResponse } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

/** Requests one after the other until `done`; what was seen of each. */
async function worker(
  request: () => Promise<TransportResponse>,
  done: () => boolean,
): Promise<{ readonly connection: string; readonly dialled: boolean }[]> {
  const seen: { connection: string; dialled: boolean }[] = [];
  while (!done()) {
    const { body, connection, timings } = await request();
    expect(await body.text()).toBe("ok");
    seen.push({ connection: connection.id, dialled: timings.ready !== undefined });
  }
  return seen;
}

describe("a session of full age", () => {
  it("is replaced under a load without end: no exchange fails, and none waits for a dial", async () => {
    await using server = await frameServer(frameAnswers());
    await using transport = http2({ maxAgeMs: 100 });
    await getText(transport, server.url);
    const enough = (): boolean => server.peers.length >= 5;
    const request = (): Promise<TransportResponse> => transport.request({ url: server.url, method: "POST" });
    const seen = (await Promise.all(Array.from({ length: 8 }, () => worker(request, enough)))).flat();
    // Not even one that would be sent again: a POST is not.
    expect(transport.stats().totals).toMatchObject({ exchangesFailed: 0, exchangesReplayed: 0 });
    expect(seen.filter(({ dialled }) => dialled)).toEqual([]);
    expect(new Set(seen.map(({ connection }) => connection)).size).toBeGreaterThanOrEqual(4);
    expect(server.requests).toHaveLength(seen.length + 1);
    await Promise.all(server.peers.slice(0, 4).map(({ closed }) => closed));
  });

  it("finishes what runs on it, however long that takes, and ends then", async () => {
    const replaced = Promise.withResolvers<void>();
    await using server = await frameServer(async (peer: FramePeer) => {
      if (peer.index > 0) {
        replaced.resolve();
        return frameAnswers()(peer);
      }
      const { stream } = await peer.request();
      await peer.headers(stream, [[":status", "200"]]);
      await replaced.promise;
      await frameAnswers()(peer);
    });
    await using transport = http2({ maxAgeMs: 100 });
    const old = await transport.request({ url: `${server.url}/old`, method: "POST", body: "x" });
    await replaced.promise;
    while (transport.stats().connections.draining === 0) await getText(transport, server.url);
    expect(server.peers[0]!.socket.destroyed).toBe(false);
    await server.peers[0]!.ping();
    await server.peers[0]!.data(1, "old", endStream);
    expect(await old.body.text()).toBe("old");
    await server.peers[0]!.closed;
    expect(transport.stats().totals).toMatchObject({ exchangesFailed: 0, exchangesReplayed: 0 });
  });
});
