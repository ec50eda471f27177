import {
  endStream,
  expectNextWorks,
  failure,
  type Frame,
  frameAnswers as answering,
  type FramePeer,
  type FrameRequest,
  frames,
  frameServer,
} from "@holdfast/conformance/hostile";
import type { TransportRequest } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const cancel = 8;

interface Upload {
  readonly body: () => AsyncGenerator<Uint8Array>;
  readonly init?: Partial<TransportRequest>;
  /** What the caller does once the peer has all that it shall have. */
  readonly giveUp?: () => void;
}

/** Yields `ten bytes.`, and goes on when the caller gave up. */
function uploads(): Readonly<Record<string, Upload>> {
  const controller = new AbortController();
  const late = new AbortController();
  const thrown = Promise.withResolvers<void>();
  const piece = Buffer.from("ten bytes.");
  return {
    "is aborted": {
      async *body() {
        yield piece;
        await new Promise(() => {});
      },
      init: { signal: controller.signal },
      giveUp: () => controller.abort(),
    },
    "is aborted with a content-length": {
      async *body() {
        yield piece;
        await new Promise(() => {});
      },
      init: { signal: controller.signal, headers: { "content-length": "20" } },
      giveUp: () => controller.abort(),
    },
    "is aborted as a piece is handed over": {
      async *body() {
        yield piece;
        await new Promise((resolve) => late.signal.addEventListener("abort", resolve));
        process.nextTick(() => controller.abort());
        yield piece;
        await new Promise(() => {});
      },
      init: { signal: controller.signal },
      giveUp: () => late.abort(),
    },
    "is too late": {
      async *body() {
        yield piece;
        await new Promise(() => {});
      },
      init: { deadlineMs: 200 },
    },
    "cannot be read on": {
      async *body() {
        yield piece;
        await thrown.promise;
        throw new Error("the disk is gone");
      },
      giveUp: () => thrown.resolve(),
    },
    "is longer than its content-length": {
      async *body() {
        yield piece;
        await thrown.promise;
        yield piece;
      },
      init: { headers: { "content-length": "19" } },
      giveUp: () => thrown.resolve(),
    },
    "is shorter than its content-length": {
      async *body() {
        yield piece;
        await thrown.promise;
      },
      init: { headers: { "content-length": "11" } },
      giveUp: () => thrown.resolve(),
    },
  };
}

/** Everything of a stream until it is reset. */
async function untilReset(peer: FramePeer, stream: number): Promise<readonly Frame[]> {
  await peer.frame(frames.resetStream, stream);
  return peer.received.filter((one) => one.stream === stream && one.type !== frames.windowUpdate);
}

describe("an upload", () => {
  it.each(Object.keys(uploads()))("that %s is reset, and never looks complete", async (how) => {
    const { body, init, giveUp } = uploads()[how] as Upload;
    const there = Promise.withResolvers<FrameRequest>();
    await using server = await frameServer(
      answering((request, peer) => {
        if (request.path === "/next") return peer.respond(request.stream);
        return there.resolve(request);
      }),
    );
    await using transport = http2();
    const over = failure(transport.request({ url: server.url, method: "POST", body, ...init }));
    const { stream } = await there.promise;
    const peer = server.peers[0] as FramePeer;
    await peer.frame(frames.data, stream);
    giveUp?.();
    expect((await over).code).toBe(how === "is too late" ? "DEADLINE_EXCEEDED" : "ABORTED");
    const came = await untilReset(peer, stream);
    expect(came.filter(({ type, flags }) => type <= frames.headers && flags & endStream)).toEqual([]);
    expect(came.at(-1)?.payload.readUInt32BE()).toBe(cancel);
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it("that the peer answers before its end is reset, and never looks complete", async () => {
    const there = Promise.withResolvers<FrameRequest>();
    await using server = await frameServer(
      answering(async (request, peer) => {
        if (request.path === "/next") return await peer.respond(request.stream);
        await peer.frame(frames.data, request.stream);
        await peer.respond(request.stream, "enough");
        return there.resolve(request);
      }),
    );
    await using transport = http2();
    const response = await transport.request({
      url: server.url,
      method: "POST",
      body: async function* () {
        yield Buffer.from("ten bytes.");
        await new Promise(() => {});
      },
    });
    expect(await response.body.text()).toBe("enough");
    const { stream } = await there.promise;
    const came = await untilReset(server.peers[0] as FramePeer, stream);
    expect(came.filter(({ type, flags }) => type <= frames.headers && flags & endStream)).toEqual([]);
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it.each([null, "text"])(
    "that the peer answers before its trailers is reset, and never looks complete (body: %j)",
    async (body) => {
      await using server = await frameServer(answering());
      await using transport = http2();
      const trailers = (): Promise<never> => new Promise(() => {});
      const response = await transport.request({ url: `${server.url}/first`, method: "POST", body, trailers });
      expect(await response.body.text()).toBe("ok");
      const came = await untilReset(server.peers[0] as FramePeer, 1);
      expect(came.filter(({ type, flags }) => type <= frames.headers && flags & endStream)).toEqual([]);
      expect(came.at(-1)?.payload.readUInt32BE()).toBe(cancel);
      await expectNextWorks(transport, server);
      expect(server.peers).toHaveLength(1);
      await transport.close({ deadlineMs: Infinity });
    },
  );
});
