import { setImmediate as turn } from "node:timers/promises";
import {
  failure,
  frameAnswers as answering,
  type FramePeer,
  frameServer,
  getText,
  setting,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

/** Answers nothing until `count` requests are there, on all connections together. */
function whenThere(count: number): { readonly promise: Promise<void>; arrived(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let there = 0;
  return {
    promise,
    arrived: () => {
      if (++there === count) resolve();
    },
  };
}

describe("the streams of a session", () => {
  it("carry 1,000 exchanges at a time over one connection, where both sides allow it", async () => {
    const all = whenThere(1_000);
    await using server = await frameServer(
      answering(async ({ stream }, peer) => {
        all.arrived();
        await all.promise;
        await peer.respond(stream);
      }),
      { settings: { [setting.maxStreams]: 1_000 } },
    );
    await using transport = http2({ maxStreams: 1_000 });
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => getText(transport, `${server.url}/${i}`)),
    );
    expect(answers.every((text) => text === "ok")).toBe(true);
    expect(server.requests).toHaveLength(1_000);
    expect(server.peers).toHaveLength(1);
  });

  it.each([
    ["the peer's limit", 1_000, { [setting.maxStreams]: 100 }],
    ["maxStreams", 100, {}],
  ])(
    "are never more than %s, and further sessions take the rest up to maxConnections",
    async (_, maxStreams, settings) => {
      const full = whenThere(400);
      const most: number[] = [0, 0, 0, 0];
      const answered: number[] = [0, 0, 0, 0];
      await using server = await frameServer(
        answering(async ({ stream, connection }, peer) => {
          full.arrived();
          await full.promise;
          most[connection] = Math.max(most[connection]!, peer.requests.length - answered[connection]!);
          await turn();
          answered[connection]!++;
          await peer.respond(stream);
        }),
        { settings },
      );
      await using transport = http2({ maxStreams });
      await Promise.all(Array.from({ length: 1_000 }, (_, i) => getText(transport, `${server.url}/${i}`)));
      expect(most).toEqual([100, 100, 100, 100]);
      expect(server.requests).toHaveLength(1_000);
      expect(server.peers).toHaveLength(4);
    },
  );

  it("are none while the peer allows none: the exchange waits on the one connection, until queueMs", async () => {
    await using server = await frameServer(answering(), { settings: { [setting.maxStreams]: 0 } });
    await using transport = http2({ timeouts: { queueMs: 100 } });
    expect(await failure(getText(transport, server.url))).toMatchObject({
      code: "QUEUE_TIMEOUT",
      delivery: "not-sent",
    });
    expect(server.peers).toHaveLength(1);
    expect(server.requests).toHaveLength(0);
  });

  it("begin as soon as a peer that allowed none allows some", async () => {
    await using server = await frameServer(
      async (peer) => {
        await peer.ping();
        await peer.settings({ [setting.maxStreams]: 2 });
        await answering()(peer);
      },
      { settings: { [setting.maxStreams]: 0 } },
    );
    await using transport = http2();
    expect(await Promise.all([getText(transport, server.url), getText(transport, server.url)])).toEqual(["ok", "ok"]);
    expect(server.peers).toHaveLength(1);
  });

  it("follow a limit that is lowered below those that are open, and one that is raised", async () => {
    const accepted = Promise.withResolvers<FramePeer>();
    await using server = await frameServer(accepted.resolve, { settings: { [setting.maxStreams]: 3 } });
    await using transport = http2({ maxConnections: 1 });
    const texts = Array.from({ length: 6 }, (_, i) => getText(transport, `${server.url}/${i}`));
    const peer = await accepted.promise;
    const open = [await peer.request(), await peer.request(), await peer.request()];
    await peer.settings({ [setting.maxStreams]: 1 });
    for (const { stream } of open.slice(0, 2)) await peer.respond(stream);
    await peer.ping();
    expect(peer.requests).toHaveLength(3);
    await peer.respond(open[2]!.stream);
    const fourth = await peer.request();
    await peer.ping();
    expect(peer.requests).toHaveLength(4);
    await peer.settings({ [setting.maxStreams]: 3 });
    const last = [fourth, await peer.request(), await peer.request()];
    for (const { stream } of last) await peer.respond(stream);
    expect(await Promise.all(texts)).toEqual(["ok", "ok", "ok", "ok", "ok", "ok"]);
    expect(server.peers).toHaveLength(1);
  });
});
