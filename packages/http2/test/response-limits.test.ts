import {
  endStream,
  expectNextWorks,
  failure,
  type FramePeer,
  type FrameServer,
  frameServer,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const long = [["x-long", "x".repeat(1_000)]] as const;
const fits = [["x-long", "x".repeat(900)]] as const;

/** Node holds a stream to the limit itself once the peer has acknowledged it, and does not say that it was node. */
async function serving(
  acknowledges: boolean,
  answer: (peer: FramePeer, stream: number) => Promise<void>,
): Promise<FrameServer> {
  const script = async (peer: FramePeer): Promise<void> => {
    if (!acknowledges) await peer.settings({});
    for (;;) {
      const { stream, path } = await peer.request();
      await (path === "/next" ? peer.respond(stream) : answer(peer, stream));
    }
  };
  return frameServer(script, acknowledges ? {} : { settings: null });
}

describe.each([false, true])("limits.headBytes (acknowledged: %s)", (acknowledges) => {
  const limits = { headBytes: 1_000 };

  // By node's reset, which may be the peer's as well, once the peer has acknowledged the limit before the stream began.
  const code = acknowledges ? (expect.stringMatching(/^(?:LIMIT_EXCEEDED|TRUNCATED)$/) as string) : "LIMIT_EXCEEDED";
  it("holds for trailers, and is named", async () => {
    await using server = await serving(acknowledges, async (peer, stream) => {
      await peer.headers(stream, [[":status", "200"]]);
      await peer.data(stream, "body");
      await peer.headers(stream, long, endStream);
    });
    await using transport = http2({ limits });
    for (let i = 0; i < 2; i++) {
      const response = await transport.request({ url: server.url });
      const error = await failure(response.body.text());
      expect(error).toMatchObject({ code, phase: "body", delivery: "answered" });
      expect(error.message).toMatch(/trailers .*limits\.headBytes/);
      await expect(response.trailers).rejects.toBe(error);
    }
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it("holds for each interim head: LIMIT_EXCEEDED", async () => {
    await using server = await serving(acknowledges, async (peer, stream) => {
      await peer.headers(stream, [[":status", "103"], ...long]);
      await peer.respond(stream);
    });
    await using transport = http2({ limits });
    let heard = 0;
    for (let i = 0; i < 2; i++) {
      const error = await failure(transport.request({ url: server.url, onInformational: () => heard++ }));
      expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", phase: "head", delivery: "maybe-sent" });
      expect(error.message).toContain("limits.headBytes");
    }
    expect(heard).toBe(0);
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it("lets each pass that is no longer", async () => {
    await using server = await serving(acknowledges, async (peer, stream) => {
      await peer.headers(stream, [[":status", "103"], ...fits]);
      await peer.headers(stream, [[":status", "200"], ...fits]);
      await peer.headers(stream, fits, endStream);
    });
    await using transport = http2({ limits });
    let heard = 0;
    const response = await transport.request({ url: server.url, onInformational: () => heard++ });
    expect(await response.body.text()).toBe("");
    expect(await response.trailers).toEqual(Object.fromEntries(fits));
    expect(heard).toBe(1);
  });
});
