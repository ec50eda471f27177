import { setImmediate as turn } from "node:timers/promises";
import {
  endHeaders,
  endStream,
  expectNextWorks,
  failure,
  frame,
  frameAnswers as answering,
  type FramePeer,
  type FrameRequest,
  frames,
  frameServer,
  getText,
  headerBlock,
  setting,
  uint,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const cancel = 8;

/** Answers `/next`, and leaves the rest to `other`. */
const except =
  (other: (request: FrameRequest, peer: FramePeer) => Promise<void> | void) =>
  (request: FrameRequest, peer: FramePeer): Promise<void> | void =>
    request.path === "/next" ? peer.respond(request.stream) : other(request, peer);

/** The code of the RST_STREAM that came for a stream. */
async function resetOf(peer: FramePeer, stream: number): Promise<number> {
  return (await peer.frame(frames.resetStream, stream)).payload.readUInt32BE(0);
}

describe("a caller that gives up", () => {
  it.each(["before the head", "within the body"])("%s cancels its stream, and harms no other", async (moment) => {
    const there = Promise.withResolvers<FrameRequest>();
    await using server = await frameServer(
      answering(
        except(async (request, peer) => {
          if (moment === "within the body") {
            await peer.headers(request.stream, [[":status", "200"]]);
            await peer.data(request.stream, "part");
          }
          there.resolve(request);
        }),
      ),
    );
    await using transport = http2();
    const controller = new AbortController();
    const asked = transport.request({ url: server.url, signal: controller.signal });
    const read = failure(asked.then(({ body }) => body.text()));
    const { stream } = await there.promise;
    if (moment === "within the body") await asked;
    controller.abort(new Error("enough"));
    expect(await read).toMatchObject({ code: "ABORTED", cause: { message: "enough" } });
    expect(await resetOf(server.peers[0]!, stream)).toBe(cancel);
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it("within its upload cancels its stream, and ends its body", async () => {
    await using server = await frameServer(answering(except(() => {})));
    await using transport = http2();
    const controller = new AbortController();
    let ended = false;
    const body = async function* () {
      try {
        yield Buffer.from("begun");
        controller.abort();
        yield Buffer.from("more");
      } finally {
        ended = true;
      }
    };
    const asked = transport.request({ url: server.url, method: "POST", body: body(), signal: controller.signal });
    expect(await failure(asked)).toMatchObject({ code: "ABORTED" });
    expect(await resetOf(server.peers[0]!, 1)).toBe(cancel);
    await turn();
    expect(ended).toBe(true);
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it.each(["cancel", "dispose"] as const)("on the body by %s() cancels its stream", async (how) => {
    await using server = await frameServer(
      answering(
        except(async ({ stream }, peer) => {
          await peer.headers(stream, [[":status", "200"]]);
          await peer.data(stream, "part");
        }),
      ),
    );
    await using transport = http2();
    const response = await transport.request({ url: server.url });
    await (how === "cancel" ? response.body.cancel() : response[Symbol.asyncDispose]());
    expect(await resetOf(server.peers[0]!, 1)).toBe(cancel);
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it("whose body fails tells of it, and cancels its stream", async () => {
    await using server = await frameServer(answering(except(() => {})));
    await using transport = http2();
    const broken = new Error("broken");
    const body = async function* () {
      yield Buffer.from("begun");
      throw broken;
    };
    const error = await failure(transport.request({ url: server.url, method: "POST", body: body() }));
    expect(error).toMatchObject({ code: "ABORTED", phase: "send", cause: broken });
    expect(await resetOf(server.peers[0]!, 1)).toBe(cancel);
    await expectNextWorks(transport, server);
  });
});

/** What a flood may come to. */
const floods = {
  CONTINUATION: /^PROTOCOL_ERROR$/,
  PING: /^(ok|PROTOCOL_ERROR)$/,
  SETTINGS: /^(ok|PROTOCOL_ERROR)$/,
  "empty DATA": /^(ok|PROTOCOL_ERROR)$/,
} as const;

describe("a peer that goes too far", () => {
  const many = Array.from({ length: 400 }, (_, i): readonly [string, string] => [`x-${i}`, "1"]);
  it.each([
    ["one long field", [["x", "a".repeat(16_000)]]],
    ["many short ones", many],
  ] as const)("with a head longer than limits.headBytes by %s: LIMIT_EXCEEDED", async (_, fields) => {
    await using server = await frameServer(
      answering(except(({ stream }, peer) => peer.headers(stream, [[":status", "200"], ...fields], endStream))),
    );
    await using transport = http2({ limits: { headBytes: 8_192 } });
    // The first may meet a limit of ours, the second one of node's.
    for (let i = 0; i < 2; i++) {
      const error = await failure(transport.request({ url: server.url, method: "POST" }));
      expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", phase: "head", delivery: "maybe-sent" });
      expect(error.message).toContain("limits.headBytes");
    }
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it("is not one that sends 400 small fields within limits.headBytes and limits.maxFields", async () => {
    await using server = await frameServer(
      answering(({ stream }, peer) => peer.headers(stream, [[":status", "200"], ...many], endStream)),
    );
    await using transport = http2({ limits: { maxFields: 400 } });
    for (let i = 0; i < 2; i++) {
      const { headers, body } = await transport.request({ url: server.url });
      expect(Object.keys(headers)).toHaveLength(400);
      await body.cancel();
    }
  });

  it("with interim responses: PROTOCOL_ERROR after the sixteenth", async () => {
    await using server = await frameServer(
      answering(
        except(async ({ stream }, peer) => {
          for (let i = 0; i < 17; i++) await peer.headers(stream, [[":status", "103"]]);
          await peer.respond(stream);
        }),
      ),
    );
    await using transport = http2();
    let heard = 0;
    const error = await failure(transport.request({ url: server.url, onInformational: () => heard++ }));
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR", phase: "head" });
    expect(heard).toBe(16);
    await expectNextWorks(transport, server);
  });

  it("with interim responses, but not farther than sixteen, is heard", async () => {
    await using server = await frameServer(
      answering(async ({ stream }, peer) => {
        for (let i = 0; i < 16; i++)
          await peer.headers(stream, [
            [":status", "103"],
            ["x-count", String(i)],
          ]);
        await peer.respond(stream);
      }),
    );
    await using transport = http2();
    const heard: unknown[] = [];
    const response = await transport.request({
      url: server.url,
      onInformational: ({ status, headers }) => heard.push([status, headers["x-count"]]),
    });
    expect(await response.body.text()).toBe("ok");
    expect(heard).toEqual(Array.from({ length: 16 }, (_, i) => [103, String(i)]));
  });

  it.each([
    ["CONTINUATION", (stream: number) => frame(frames.continuation, stream, headerBlock([["x", "a".repeat(1_000)]]))],
    ["PING", () => frame(frames.ping, 0, Buffer.alloc(8))],
    ["SETTINGS", () => frame(frames.settings, 0, Buffer.alloc(0))],
    ["empty DATA", (stream: number) => frame(frames.data, stream, Buffer.alloc(0))],
  ] as const)("with a flood of %s costs an exchange, or nothing, and the next one works", async (name, flood) => {
    await using server = await frameServer(
      answering(
        except(async ({ stream }, peer) => {
          peer.mute();
          if (name === "CONTINUATION") await peer.send(frames.headers, stream, headerBlock([[":status", "200"]]));
          if (name === "empty DATA") await peer.headers(stream, [[":status", "200"]]);
          const burst = Buffer.concat(Array.from({ length: 1_000 }, () => flood(stream)));
          for (let i = 0; i < 20 && !peer.socket.destroyed; i++) await peer.write(burst);
          if (name === "CONTINUATION") return;
          if (name !== "empty DATA") await peer.headers(stream, [[":status", "200"]]);
          await peer.data(stream, "ok", endStream);
        }),
      ),
    );
    await using transport = http2({ timeouts: { headMs: 2_000 } });
    const outcome = await getText(transport, server.url).catch(({ code }: { readonly code: string }) => code);
    // nghttp2 takes as many PINGs and SETTINGS as it can answer: how many that are is chance.
    expect(outcome).toMatch(floods[name]);
    if (outcome !== "ok") await expectNextWorks(transport, server);
  });

  it.each([
    ["DATA on a stream that nobody opened", 1, (): Uint8Array => frame(frames.data, 101, Buffer.from("x"))],
    ["DATA before its head", 1, () => frame(frames.data, 1, Buffer.from("x"))],
    ["a window that overflows", 3, () => frame(frames.windowUpdate, 0, uint(2 ** 31 - 1, 4))],
    ["a frame that is too long", 6, () => frame(frames.data, 1, Buffer.alloc(100_000))],
    ["no frames at all", 6, () => Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")],
    ["a head that cannot be decoded", 9, () => frame(frames.headers, 1, Buffer.alloc(20, 0xff), endHeaders)],
    ["CONTINUATION of nothing", 1, () => frame(frames.continuation, 1, headerBlock([["x", "1"]]), endHeaders)],
    [
      "a promise to push, which was not wanted",
      1,
      () => frame(5, 1, Buffer.concat([uint(2, 4), headerBlock([[":path", "/"]])]), endHeaders),
    ],
  ] as const)(
    "with %s loses its session, and is told why: PROTOCOL_ERROR; the next one works",
    async (_, code, bytes) => {
      await using server = await frameServer(answering(except((_request, peer) => peer.write(bytes()))));
      await using transport = http2();
      const error = await failure(transport.request({ url: server.url, method: "POST" }));
      expect(error).toMatchObject({
        code: "PROTOCOL_ERROR",
        phase: "head",
        delivery: "maybe-sent",
        cause: { code: "ERR_HTTP2_ERROR" },
      });
      await server.peers[0]!.closed;
      expect(server.peers[0]!.all(frames.goAway).map(({ payload }) => payload.readUInt32BE(4))).toContain(code);
      await expectNextWorks(transport, server);
      expect(server.peers).toHaveLength(2);
    },
  );

  it.each([
    ["more than its length", [["content-length", "1"]], 1],
    ["more than its window", [], 70],
  ] as const)("with a body of %s loses its session: PROTOCOL_ERROR within the body", async (_, fields, frameCount) => {
    await using server = await frameServer(
      answering(
        except(async ({ stream }, peer) => {
          await peer.headers(stream, [[":status", "200"], ...fields]);
          for (let i = 0; i < frameCount; i++) await peer.data(stream, "x".repeat(16_384));
        }),
      ),
    );
    await using transport = http2({ windows: { streamBytes: 65_535 } });
    const response = await transport.request({ url: server.url, method: "POST" });
    const error = await failure(response.body.bytes());
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR", phase: "body", delivery: "answered" });
    await expectNextWorks(transport, server);
  });

  it.each([
    ["says that it failed", 2],
    ["says that the rules were broken", 1],
  ] as const)("is not one that %s by GOAWAY: CONNECTION_LOST", async (_, code) => {
    await using server = await frameServer(answering(except(({ stream }, peer) => peer.goAway(stream, code))));
    await using transport = http2();
    const error = await failure(transport.request({ url: server.url, method: "POST" }));
    expect(error).toMatchObject({ code: "CONNECTION_LOST", phase: "head", delivery: "maybe-sent" });
    await expectNextWorks(transport, server);
  });

  it.each(["099", "600", "999", "20x", ""])(
    "with the status %j: the exchange fails, the next one works",
    async (status) => {
      await using server = await frameServer(
        answering(except(({ stream }, peer) => peer.headers(stream, [[":status", status]], endStream))),
      );
      await using transport = http2();
      const error = await failure(transport.request({ url: server.url, method: "POST" }));
      expect(["PROTOCOL_ERROR", "STREAM_RESET"]).toContain(error.code);
      expect(error.delivery).toBe("maybe-sent");
      await expectNextWorks(transport, server);
    },
  );
});

describe("flow control", () => {
  const whole = new Uint8Array(1_000_000);
  const pieces = async function* (size = whole.byteLength) {
    for (let at = 0; at < size; at += 10_000) yield whole.subarray(at, Math.min(size, at + 10_000));
  };
  it.each([
    ["of bytes", whole],
    ["in pieces", () => pieces()],
  ])("ends an upload %s that the peer gives no room: BODY_TIMEOUT", async (_, body) => {
    await using server = await frameServer(answering(except(() => {})), {
      settings: { [setting.windowBytes]: 1_000 },
      credit: false,
    });
    await using transport = http2({ timeouts: { bodyGapMs: 150 } });
    const error = await failure(transport.request({ url: server.url, method: "POST", body }));
    expect(error).toMatchObject({ code: "BODY_TIMEOUT", phase: "send", delivery: "maybe-sent" });
    expect(error.message).toContain("timeouts.bodyGapMs");

    const sent = server.peers[0]!.all(frames.data).reduce((sum, { payload }) => sum + payload.byteLength, 0);

    expect(sent).toBeLessThanOrEqual(1_000);
    expect(await resetOf(server.peers[0]!, 1)).toBe(cancel);
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  const kibibyte = new Uint8Array(1_024);
  it.each([
    ["1 KiB", kibibyte],
    ["1 KiB in pieces", () => pieces(1_024)],
    ["16 KiB", whole.subarray(0, 16_384)],
    ["60 KiB", whole.subarray(0, 61_440)],
  ])("does not take an upload of %s for sent that the peer gives no window: BODY_TIMEOUT", async (_, body) => {
    await using server = await frameServer(answering(except(() => {})), { settings: { [setting.windowBytes]: 0 } });
    await using transport = http2({ timeouts: { bodyGapMs: 150 } });
    const error = await failure(transport.request({ url: server.url, method: "POST", body }));
    expect(error).toMatchObject({ code: "BODY_TIMEOUT", phase: "send", delivery: "maybe-sent" });
    expect(server.peers[0]!.all(frames.data)).toEqual([]);
    expect(await resetOf(server.peers[0]!, 1)).toBe(cancel);
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });

  it("does not take an upload of 1 KiB for sent when others have used up the window of the session: BODY_TIMEOUT", async () => {
    await using server = await frameServer(answering(except(() => {})), {
      settings: { [setting.windowBytes]: 2 ** 20 },
      credit: false,
    });
    await using transport = http2({ timeouts: { bodyGapMs: 300 } });
    const first = failure(transport.request({ url: server.url, method: "POST", body: whole }));
    await expectNextWorks(transport, server);
    const peer = server.peers[0]!;
    const taken = (): number => peer.all(frames.data).reduce((sum, { payload }) => sum + payload.byteLength, 0);
    await peer.until(() => (taken() === 65_535 ? true : undefined));
    const second = failure(transport.request({ url: server.url, method: "POST", body: kibibyte }));
    for (const error of [await first, await second]) {
      expect(error).toMatchObject({ code: "BODY_TIMEOUT", phase: "send", delivery: "maybe-sent" });
    }
    expect(server.peers).toHaveLength(1);
  });

  it("lets an upload go on as fast as the peer takes it, however little that is at a time", async () => {
    const size = 20_000;
    await using server = await frameServer(
      answering(async (request, peer) => {
        const taken = () =>
          peer.all(frames.data, request.stream).reduce((sum, { payload }) => sum + payload.byteLength, 0);
        for (let given = 1_000; given < size; given += 1_000) {
          await peer.until(() => (taken() === given ? true : undefined));
          await peer.windowUpdate(request.stream, 1_000);
        }
        expect((await peer.body(request)).byteLength).toBe(size);
        await peer.respond(request.stream);
      }),
      { settings: { [setting.windowBytes]: 1_000 }, credit: false },
    );
    await using transport = http2();
    const { body } = await transport.request({ url: server.url, method: "POST", body: new Uint8Array(size) });
    expect(await body.text()).toBe("ok");
  });

  it.each([
    ["from its first byte on", 1_000, 40_000],
    ["when the room is used up that the peer gave at once", 65_535, 105_000],
  ])("lets an upload of one chunk go on that moves slowly %s, for longer than bodyGapMs", async (_, room, size) => {
    await using server = await frameServer(
      answering(async (request, peer) => {
        await peer.windowUpdate(0, size);
        const beat = setInterval(() => void peer.windowUpdate(request.stream, 1_000), 25);
        try {
          expect((await peer.body(request)).byteLength).toBe(size);
        } finally {
          clearInterval(beat);
        }
        await peer.respond(request.stream);
      }),
      { settings: { [setting.windowBytes]: room }, credit: false },
    );
    await using transport = http2({ timeouts: { bodyGapMs: 600 } });
    const { body, timings } = await transport.request({ url: server.url, method: "POST", body: new Uint8Array(size) });
    expect(await body.text()).toBe("ok");
    expect(timings.sent).toBeGreaterThan(600);
  });

  it("bounds what a paused reader holds to the window of its stream, and holds no other stream", async () => {
    const streamBytes = 100_000;
    await using server = await frameServer(
      answering(
        except(async ({ stream }, peer) => {
          await peer.headers(stream, [[":status", "200"]]);
          const credit = () =>
            peer
              .all(frames.windowUpdate, stream)
              .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), streamBytes);
          // Never more than the window allows: a million bytes, in pieces of ten thousand.
          for (let sent = 0; sent < 1_000_000; sent += 10_000) {
            await peer.until(() => (credit() >= sent + 10_000 ? true : undefined));
            await peer.data(stream, "x".repeat(10_000), sent === 990_000 ? endStream : 0);
          }
        }),
      ),
    );
    await using transport = http2({ windows: { streamBytes } });
    const slow = await transport.request({ url: server.url });
    const peer = server.peers[0]!;
    await expectNextWorks(transport, server);
    for (let i = 0; i < 10; i++) await peer.ping();
    const given = peer.all(frames.windowUpdate, 1).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
    expect(given).toBeLessThanOrEqual(200_000);
    expect(await getText(transport, `${server.url}/next`)).toBe("ok");
    expect((await slow.body.bytes()).byteLength).toBe(1_000_000);
    expect(server.peers).toHaveLength(1);
  });
});
