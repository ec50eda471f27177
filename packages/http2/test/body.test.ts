import { createHash } from "node:crypto";
import {
  endStream,
  expectNextWorks,
  failure,
  frameAnswers as answering,
  type FrameRequest,
  frames,
  frameServer,
  setting,
} from "@holdfast/conformance/hostile";
import type { Body } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const bytes = Uint8Array.from({ length: 300_001 }, (_, i) => (i * 7) % 251);

async function* pieces(size = 10_000): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

/** Answers with the digest of what has come. */
const digesting = answering(async (request, peer) => peer.respond(request.stream, digest(await peer.body(request))));

describe("the body of a request", () => {
  it.each([
    ["bytes", () => bytes, String(bytes.byteLength)],
    ["pieces of one generator", () => pieces(), undefined],
    ["pieces of one byte and more", () => pieces(99_999), undefined],
    ["a function of generators", () => () => pieces(), undefined],
    ["a stream", () => new Blob([bytes]).stream(), undefined],
  ])("of %s arrives whole", async (_, body, length) => {
    await using server = await frameServer(digesting);
    await using transport = http2();
    const response = await transport.request({ url: server.url, method: "POST", body: body() });
    expect(await response.body.text()).toBe(digest(bytes));
    expect(server.requests[0]!.headers["content-length"]).toBe(length);
  });

  it.each([
    ["an empty string", "", "0"],
    ["text beyond ASCII", "caf\u00e9", "5"],
    ["nothing", null, undefined],
  ])("of %s says its length, %s, and ends", async (_, body, length) => {
    await using server = await frameServer(digesting);
    await using transport = http2();
    const response = await transport.request({ url: server.url, method: "POST", body });
    expect(await response.body.text()).toBe(digest(Buffer.from(body ?? "")));
    expect(server.requests[0]!.headers["content-length"]).toBe(length);
  });

  it("that a function makes is made anew for each attempt", async () => {
    let made = 0;
    await using server = await frameServer(
      answering(async (request, peer) => {
        const body = await peer.body(request);
        if (server.requests.length < 3) await peer.resetStream(request.stream, 7);
        else await peer.respond(request.stream, digest(body));
      }),
    );
    await using transport = http2();
    const body = (): AsyncIterable<Uint8Array> => {
      made++;
      return pieces();
    };
    const response = await transport.request({ url: server.url, method: "POST", body });
    expect(await response.body.text()).toBe(digest(bytes));
    expect(made).toBe(3);
  });

  describe.each([null, "text", "stream"])("(%j) that trailers follow", (kind) => {
    const body = (): Body | null => (kind === "stream" ? new Blob(["text"]).stream() : kind);

    it("is held to bodyGapMs while they are made: headMs begins when they are sent", async () => {
      await using server = await frameServer(answering(() => {}));
      await using transport = http2({ timeouts: { headMs: 1, bodyGapMs: 40 } });
      const trailers = (): Promise<never> => new Promise(() => {});
      const request = { url: server.url, method: "POST", body: body(), trailers };
      expect(await failure(transport.request(request))).toMatchObject({ code: "BODY_TIMEOUT", phase: "send" });
    });

    it("is sent when they are", async () => {
      await using server = await frameServer(
        answering(async (request, peer) => {
          await peer.headers(request.stream, [[":status", "200"]]);
          await peer.body(request);
          await peer.data(request.stream, "ok", endStream);
        }),
      );
      await using transport = http2();
      const made = Promise.withResolvers<Record<string, string>>();
      const asked = Promise.withResolvers<void>();
      const trailers = (): Promise<Record<string, string>> => {
        asked.resolve();
        return made.promise;
      };
      const response = await transport.request({ url: server.url, method: "POST", body: body(), trailers });
      await asked.promise;
      await server.peers[0]!.ping();
      expect(response.timings.sent).toBeUndefined();
      made.resolve({ "x-sum": "1" });
      expect(await response.body.text()).toBe("ok");
      expect(response.timings.sent).toBeGreaterThan(0);
    });
  });

  it.each([null, "text"])("is followed by its trailers (%j)", async (body) => {
    await using server = await frameServer(
      answering(async (request, peer) => {
        const last = await peer.until(() => peer.all(frames.headers, request.stream)[1]);
        expect(last.flags & endStream).toBe(endStream);
        await peer.respond(request.stream);
      }),
    );
    await using transport = http2();
    const trailers = async (): Promise<Record<string, string>> => Promise.resolve({ "x-sum": "1" });
    const response = await transport.request({ url: server.url, method: "POST", body, trailers });
    expect(await response.body.text()).toBe("ok");
  });

  it("is not read on when the peer has answered in full before it had all of it", async () => {
    const asked: FrameRequest[] = [];
    await using server = await frameServer(
      answering(async (request, peer) => {
        asked.push(request);
        if (request.path === "/next") return peer.respond(request.stream);
        await peer.frame(frames.data, request.stream);
        await peer.respond(request.stream, "enough");
        await peer.resetStream(request.stream, 0);
      }),
      { settings: { [setting.windowBytes]: 1_000 }, credit: false },
    );
    await using transport = http2();
    let ended = false;
    const body = async function* () {
      try {
        yield* pieces();
      } finally {
        ended = true;
      }
    };
    const response = await transport.request({ url: server.url, method: "POST", body: body() });
    expect(await response.body.text()).toBe("enough");
    await expectNextWorks(transport, server);
    expect(ended).toBe(true);
    expect(server.peers).toHaveLength(1);
  });

  it("may still be sent while the response is read", async () => {
    await using server = await frameServer(
      answering(async ({ stream }, peer) => {
        await peer.headers(stream, [[":status", "200"]]);
        let echoed = 0;
        for (;;) {
          const next = await peer.until(() => peer.all(frames.data, stream)[echoed]);
          echoed++;
          await peer.data(stream, next.payload, next.flags & endStream);
          if (next.flags & endStream) return;
        }
      }),
    );
    await using transport = http2();
    let heard = Promise.withResolvers<void>();
    const body = async function* () {
      for (const word of ["one", "two", "three"]) {
        yield Buffer.from(word);
        await heard.promise;
        heard = Promise.withResolvers<void>();
      }
    };
    const response = await transport.request({ url: server.url, method: "POST", body: body() });
    const words: string[] = [];
    for await (const chunk of response.body) {
      words.push(Buffer.from(chunk).toString());
      heard.resolve();
    }
    expect(words).toEqual(["one", "two", "three"]);
  });
});

describe("the body of a response", () => {
  it.each([
    ["HEAD", "200"],
    ["GET", "204"],
    ["GET", "304"],
  ])("to %s with the status %s is empty", async (method, status) => {
    await using server = await frameServer(
      answering(({ stream }, peer) => peer.headers(stream, [[":status", status]], endStream)),
    );
    await using transport = http2();
    const response = await transport.request({ url: server.url, method });
    expect(response.status).toBe(Number(status));
    expect((await response.body.bytes()).byteLength).toBe(0);
    expect(await response.trailers).toEqual({});
  });

  it("comes whole in frames of every size, empty ones among them", async () => {
    await using server = await frameServer(
      answering(async ({ stream }, peer) => {
        await peer.headers(stream, [[":status", "200"]]);
        for await (const piece of pieces(9_999)) {
          await peer.data(stream, piece);
          await peer.data(stream, "");
        }
        await peer.data(stream, "", endStream);
      }),
    );
    await using transport = http2();
    const { body } = await transport.request({ url: server.url });
    expect(digest(await body.bytes())).toBe(digest(bytes));
  });
});
