import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import {
  endHeaders,
  endStream,
  type FramePeer,
  type FrameRequest,
  type FrameServer,
  failure,
  frameAnswers,
  frames,
  frameServer,
  getText,
  headerBlock,
  uint,
} from "@holdfast/conformance/hostile";
import type { PushedExchange } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const pushPromise = 5;
const [protocolError, cancel, enhanceYourCalm] = [1, 8, 11];

type Head = readonly (readonly [string, string])[];

/** The head of a request that may be promised for this one. */
const promised = ({ headers }: FrameRequest, path: string): Head => [
  [":method", "GET"],
  [":scheme", "http"],
  [":authority", String(headers[":authority"])],
  [":path", path],
];

function promise(peer: FramePeer, main: FrameRequest, stream: number, head: Head): Promise<void> {
  return peer.send(pushPromise, main.stream, Buffer.concat([uint(stream, 4), headerBlock(head)]), endHeaders);
}

async function resetOf(peer: FramePeer, stream: number): Promise<number> {
  return (await peer.frame(frames.resetStream, stream)).payload.readUInt32BE(0);
}

/** What the client's first SETTINGS said of each. */
function settingsOf(peer: FramePeer): ReadonlyMap<number, number> {
  const payload = peer.all(frames.settings)[0]?.payload ?? Buffer.alloc(0);
  const settings = new Map<number, number>();
  for (let at = 0; at < payload.byteLength; at += 6)
    settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  return settings;
}

/** For each request: `script`, which pushes; then a response. */
const pushing = (
  script: (peer: FramePeer, request: FrameRequest) => Promise<void>,
  options: Parameters<typeof frameServer>[1] = {},
): Promise<FrameServer> =>
  frameServer(
    frameAnswers(async (request, peer) => {
      await script(peer, request);
      await peer.respond(request.stream, "main");
    }),
    options,
  );

describe("an exchange that takes pushes", () => {
  it("gets a pushed response whose head interim ones come before", async () => {
    await using server = await pushing(async (peer, request) => {
      await promise(peer, request, 2, promised(request, "/pushed"));
      for (const link of ["</a>", "</b>"])
        await peer.headers(2, [
          [":status", "103"],
          ["link", link],
        ]);
      await peer.headers(2, [
        [":status", "203"],
        ["x-name", "pushed"],
      ]);
      await peer.data(2, "pushed", endStream);
    });
    await using transport = http2();
    const { promise: push, resolve } = Promise.withResolvers<PushedExchange>();
    const response = await transport.request({ url: server.url, onPush: resolve });
    const { status, headers, body } = await push;
    expect(await body.text()).toBe("pushed");
    expect([await status, await headers]).toEqual([203, { "x-name": "pushed" }]);
    expect(await response.body.text()).toBe("main");
  });

  it("gets what node's server pushes, and its own response", async () => {
    const server = createServer();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      expect(stream.pushAllowed).toBe(true);
      for (const name of ["a", "b"]) {
        stream.pushStream({ ":path": `/${name}?of=${headers[":path"]}`, "x-why": ["1", "2"] }, (error, push) => {
          if (error) throw error;
          push.respond({ ":status": 203, "x-name": name });
          push.end(`pushed ${name}`);
        });
      }
      stream.respond();
      stream.end("main");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using transport = http2();
    const pushes: PushedExchange[] = [];
    const { body } = await transport.request({ url: `${url}/main`, onPush: (push) => void pushes.push(push) });
    expect(await body.text()).toBe("main");
    const seen = await Promise.all(
      pushes.map(async ({ request, status, headers, body: pushedBody }) => [
        request.method,
        request.url.href,
        request.headers,
        await status,
        (await headers)["x-name"],
        await pushedBody.text(),
      ]),
    );
    expect(seen).toEqual([
      ["GET", `${url}/a?of=/main`, { "x-why": ["1", "2"] }, 203, "a", "pushed a"],
      ["GET", `${url}/b?of=/main`, { "x-why": ["1", "2"] }, 203, "b", "pushed b"],
    ]);
    await transport.close();
    server.close();
  });

  it("has a session on which SETTINGS allow it; others have one on which they do not", async () => {
    await using server = await pushing(async () => {});
    await using transport = http2();
    await getText(transport, server.url);
    const { body } = await transport.request({ url: server.url, onPush: () => {} });
    await body.text();
    await getText(transport, server.url);
    expect(server.requests.map(({ connection }) => connection)).toEqual([0, 1, 0]);
    expect(server.peers.map((peer) => settingsOf(peer).get(2))).toEqual([0, 1]);
    // How many a peer may push at a time, and the stream of the exchange.
    expect(settingsOf(server.peers[1]!).get(3)).toBe(17);
    const { connections, origins, totals } = transport.stats();
    expect(connections).toMatchObject({ idle: 2 });
    expect(Object.keys(origins)).toEqual([server.url]);
    expect(totals).toMatchObject({ connectionsOpened: 2, exchangesEnded: 3 });
  });

  it("has its session to itself while it lasts, so each gets its own", async () => {
    const all = Promise.withResolvers<void>();
    await using server = await pushing(async (peer, request) => {
      if (server.requests.length === 3) all.resolve();
      await all.promise;
      const stream = request.stream + 1;
      await promise(peer, request, stream, promised(request, `/of${request.path}`));
      await peer.respond(stream, `for ${request.path}`);
    });
    await using transport = http2();
    const one = async (path: string): Promise<string[]> => {
      const texts: Promise<string>[] = [];
      const onPush = ({ request, body }: PushedExchange): void => {
        texts.push(body.text().then((text) => `${request.url.pathname} ${text}`));
      };
      const { body } = await transport.request({ url: server.url + path, onPush });
      return [await body.text(), ...(await Promise.all(texts))];
    };
    expect(await Promise.all(["/a", "/b", "/c"].map(one))).toEqual([
      ["main", "/of/a for /a"],
      ["main", "/of/b for /b"],
      ["main", "/of/c for /c"],
    ]);
    expect(server.peers).toHaveLength(3);
    const again = await transport.request({ url: server.url, onPush: () => {} });
    await again.body.text();
    expect(server.peers).toHaveLength(3);
  });

  it("may be over before what was promised for it comes", async () => {
    const over = Promise.withResolvers<void>();
    await using server = await frameServer(
      frameAnswers(async (request, peer) => {
        await promise(peer, request, 2, promised(request, "/late"));
        await peer.respond(request.stream, "main");
        await over.promise;
        await peer.headers(2, [[":status", "200"]]);
        await peer.data(2, "one");
        await peer.data(2, "two", endStream);
      }),
    );
    await using transport = http2();
    const pushed = Promise.withResolvers<PushedExchange>();
    const { body } = await transport.request({ url: server.url, onPush: pushed.resolve });
    expect(await body.text()).toBe("main");
    over.resolve();
    const { status, body: late } = await pushed.promise;
    expect(await status).toBe(200);
    expect(await late.text()).toBe("onetwo");
    // Its end was waited for.
    await transport.close();
    expect(transport.stats().totals).toMatchObject({ exchangesEnded: 1, exchangesFailed: 0 });
  });
});

describe("what a peer may not push", () => {
  it.each([
    ["POST", (head: Head) => head.map(([name, value]) => [name, name === ":method" ? "POST" : value] as const)],
    [
      "another authority",
      (head: Head) => head.map(([name, value]) => [name, name === ":authority" ? "b.example" : value] as const),
    ],
    [
      "another scheme",
      (head: Head) => head.map(([name, value]) => [name, name === ":scheme" ? "https" : value] as const),
    ],
    ["a request with a body", (head: Head) => [...head, ["content-length", "1"] as const]],
    ["too long a head", (head: Head) => [...head, ["x", "a".repeat(5_000)] as const]],
  ])("%s is reset, and harms nothing else", async (what, spoil) => {
    await using server = await pushing(async (peer, request) => {
      await promise(peer, request, 2, spoil(promised(request, "/bad")));
      await promise(peer, request, 4, promised(request, "/good"));
      await peer.respond(4, "pushed");
    });
    await using transport = http2({ limits: { headBytes: 4_096 } });
    const pushed: PushedExchange[] = [];
    const { body } = await transport.request({ url: server.url, onPush: (push) => void pushed.push(push) });
    expect(await body.text()).toBe("main");
    expect(pushed.map(({ request }) => request.url.pathname)).toEqual(["/good"]);
    expect(await pushed[0]!.body.text()).toBe("pushed");
    // Node itself refuses a head that is too long.
    expect(what === "too long a head" ? enhanceYourCalm : protocolError).toBe(await resetOf(server.peers[0]!, 2));
    expect(server.peers).toHaveLength(1);
  });

  it("is more than 16 at a time", async () => {
    await using server = await frameServer(
      frameAnswers(async (request, peer) => {
        for (let i = 1; i <= 17; i++) await promise(peer, request, 2 * i, promised(request, `/${i}`));
        await peer.frame(frames.resetStream, 34);
        await peer.respond(request.stream, "main");
      }),
    );
    await using transport = http2();
    let heard = 0;
    const { body } = await transport.request({ url: server.url, onPush: () => heard++ });
    expect(await body.text()).toBe("main");
    expect(heard).toBe(16);
    expect(await resetOf(server.peers[0]!, 34)).toBe(cancel);
    // It would wait for the rest.
    await transport.destroy();
  });
});

describe("a push", () => {
  /** One push, whose head and `part` of a body have come; the main response has not. */
  async function begun(options: Parameters<typeof http2>[0] = {}, signal?: AbortSignal) {
    const peers = Promise.withResolvers<FramePeer>();
    const server = await frameServer(
      frameAnswers(async (request, peer) => {
        await promise(peer, request, 2, promised(request, "/pushed"));
        await peer.headers(2, [[":status", "200"]]);
        await peer.data(2, "part");
        peers.resolve(peer);
      }),
    );
    const transport = http2(options);
    const pushed = Promise.withResolvers<PushedExchange>();
    const asked = transport.request({ url: server.url, onPush: pushed.resolve, ...(signal && { signal }) });
    asked.catch(() => {});
    const [push, peer] = await Promise.all([pushed.promise, peers.promise]);
    await push.status;
    return {
      asked,
      push,
      peer,
      transport,
      [Symbol.asyncDispose]: async () => {
        await transport.destroy();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  it("ends with the exchange that it was promised for, when that is aborted", async () => {
    const controller = new AbortController();
    await using fixture = await begun({}, controller.signal);
    const { asked, push, peer } = fixture;
    controller.abort(new Error("enough"));
    expect(await failure(asked)).toMatchObject({ code: "ABORTED" });
    expect(await failure(push.body.text())).toMatchObject({ code: "ABORTED", cause: { message: "enough" } });
    expect(await resetOf(peer, 1)).toBe(cancel);
    expect(await resetOf(peer, 2)).toBe(cancel);
  });

  it("is aborted by the signal also after that exchange", async () => {
    const controller = new AbortController();
    await using fixture = await begun({}, controller.signal);
    const { asked, push, peer } = fixture;
    await peer.respond(1);
    expect(await (await asked).body.text()).toBe("ok");
    controller.abort();
    expect(await failure(push.body.text())).toMatchObject({ code: "ABORTED" });
    expect(await resetOf(peer, 2)).toBe(cancel);
  });

  it("that its taker cancels is reset, and the exchange goes on", async () => {
    await using fixture = await begun();
    const { asked, push, peer } = fixture;
    await push.body.cancel();
    expect(await resetOf(peer, 2)).toBe(cancel);
    await peer.respond(1);
    expect(await (await asked).body.text()).toBe("ok");
  });

  it("that nobody begins to read within bodyGapMs is cancelled", async () => {
    await using fixture = await begun({ timeouts: { bodyGapMs: 50 } });
    const { push, peer } = fixture;
    const beat = setInterval(() => void peer.data(2, "more"), 10);
    try {
      expect(await resetOf(peer, 2)).toBe(cancel);
    } finally {
      clearInterval(beat);
    }
    const error = await failure(push.body.text());
    expect(error).toMatchObject({ code: "BODY_TIMEOUT" });
    expect(error.message).toContain("nobody began to read");
  });

  it("that falls silent ends with BODY_TIMEOUT", async () => {
    await using fixture = await begun({ timeouts: { bodyGapMs: 50 } });
    expect(await failure(fixture.push.body.text())).toMatchObject({ code: "BODY_TIMEOUT", phase: "body" });
  });

  it("that the peer resets is TRUNCATED; its head stays", async () => {
    await using fixture = await begun();
    const { push, peer, asked } = fixture;
    await peer.resetStream(2, 2);
    expect(await failure(push.body.text())).toMatchObject({ code: "TRUNCATED" });
    expect(await push.status).toBe(200);
    await peer.respond(1);
    expect(await (await asked).body.text()).toBe("ok");
  });

  it("that is not read is bounded by the window of its stream", async () => {
    await using fixture = await begun({ windows: { streamBytes: 65_535 } });
    const { push, peer } = fixture;
    await peer.data(2, "x".repeat(65_535 - 4));
    for (let i = 0; i < 5; i++) await peer.ping();
    const given = peer.all(frames.windowUpdate, 2).reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0);
    await peer.data(2, "x".repeat(given));
    for (let i = 0; i < 5; i++) await peer.ping();
    expect(peer.all(frames.windowUpdate, 2).length).toBeLessThanOrEqual(2);
    await peer.data(2, "", endStream);
    expect((await push.body.text()).length).toBe(65_535 + given);
  });

  it("ends with CLOSED when the transport is destroyed", async () => {
    await using fixture = await begun();
    const { push, asked, transport } = fixture;
    await transport.destroy();
    expect(await failure(push.body.text())).toMatchObject({ code: "CLOSED" });
    expect(await failure(asked)).toMatchObject({ code: "CLOSED" });
  });

  it("has a head that is longer than limits.headBytes: LIMIT_EXCEEDED", async () => {
    await using server = await pushing(async (peer, request) => {
      await promise(peer, request, 2, promised(request, "/pushed"));
      await peer.headers(
        2,
        [
          [":status", "200"],
          ["x", "a".repeat(5_000)],
        ],
        endStream,
      );
    });
    await using transport = http2({ limits: { headBytes: 4_096 } });
    const pushed = Promise.withResolvers<PushedExchange>();
    const { body } = await transport.request({ url: server.url, onPush: pushed.resolve });
    expect(await body.text()).toBe("main");
    const push = await pushed.promise;
    expect(await failure(push.status)).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(await failure(push.headers)).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(await failure(push.body.bytes())).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });
});

describe("onPush", () => {
  it("that throws fails its exchange, and cancels both streams", async () => {
    await using server = await pushing((peer, request) => promise(peer, request, 2, promised(request, "/pushed")));
    await using transport = http2();
    const broken = new Error("broken");
    const onPush = (): never => {
      throw broken;
    };
    expect(await failure(transport.request({ url: server.url, onPush }))).toMatchObject({
      code: "ABORTED",
      cause: broken,
    });
    expect(await resetOf(server.peers[0]!, 2)).toBe(cancel);
  });

  it("is not called for what was promised for an exchange that is over for its caller", async () => {
    const aborted = Promise.withResolvers<void>();
    await using server = await frameServer(
      frameAnswers(async (request, peer) => {
        if (request.path === "/next") return peer.respond(request.stream);
        await aborted.promise;
        await promise(peer, request, 2, promised(request, "/pushed"));
        await peer.ping();
      }),
    );
    await using transport = http2({ maxConnections: 1 });
    const controller = new AbortController();
    let heard = 0;
    const onPush = (): void => void heard++;
    const asked = failure(transport.request({ url: server.url, onPush, signal: controller.signal }));
    while (server.requests.length === 0) await turn();
    controller.abort();
    await asked;
    aborted.resolve();
    const { body } = await transport.request({ url: `${server.url}/next`, onPush });
    expect(await body.text()).toBe("ok");
    expect(await resetOf(server.peers[0]!, 2)).toBe(cancel);
    expect(heard).toBe(0);
    expect(server.peers).toHaveLength(1);
  });
});
