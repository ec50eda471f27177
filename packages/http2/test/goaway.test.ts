import {
  endStream,
  failure,
  frameAnswers as answering,
  type FramePeer,
  frames,
  frameServer,
  type FrameServer,
  getText,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

const lastPossible = 2 ** 31 - 1;

/** Where each request came: path and connection, in the order of arrival. */
const arrivals = ({ requests }: FrameServer): string[] =>
  requests.map(({ path, connection }) => `${path} ${connection}`);

/** On the first connection runs `first`; all others answer. */
const firstThenAnswer =
  (first: (peer: FramePeer) => Promise<void>) =>
  (peer: FramePeer): Promise<void> =>
    peer.index === 0 ? first(peer) : answering()(peer);

describe("GOAWAY", () => {
  it("lets the streams finish that the peer has taken, while new work goes to another session", async () => {
    const said = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    await using server = await frameServer(
      firstThenAnswer(async (peer) => {
        const { stream } = await peer.request();
        await peer.headers(stream, [[":status", "200"]]);
        await peer.goAway(stream);
        await peer.ping();
        said.resolve();
        await finish.promise;
        await peer.data(stream, "old", endStream);
      }),
    );
    await using transport = http2();
    const old = await transport.request({ url: `${server.url}/old`, method: "POST", body: "x" });
    await said.promise;
    expect(transport.stats().connections).toMatchObject({ active: 0, draining: 1 });
    expect(await getText(transport, `${server.url}/new`)).toBe("ok");
    finish.resolve();
    expect(await old.body.text()).toBe("old");
    expect(arrivals(server)).toEqual(["/old 0", "/new 1"]);
    await server.peers[0]!.closed;
  });

  it.each([0, 2, 11])("with code %i sends again what the peer never looked at, whatever its method", async (code) => {
    await using server = await frameServer(
      firstThenAnswer(async (peer) => {
        await peer.request();
        await peer.request();
        await peer.goAway(0, code);
        peer.fin();
      }),
    );
    await using transport = http2();
    const answers = await Promise.all([
      transport.request({ url: `${server.url}/a`, method: "POST", body: "x" }).then(({ body }) => body.text()),
      getText(transport, `${server.url}/b`),
    ]);
    expect(answers).toEqual(["ok", "ok"]);
    expect(arrivals(server).toSorted()).toEqual(["/a 0", "/a 1", "/b 0", "/b 1"]);
  });

  it("tells the streams that the peer may have done from those that it has not", async () => {
    await using server = await frameServer(
      firstThenAnswer(async (peer) => {
        const taken = await peer.request();
        await peer.request();
        await peer.goAway(taken.stream, 2);
        peer.fin();
      }),
    );
    await using transport = http2();
    const taken = failure(transport.request({ url: `${server.url}/taken`, method: "POST" }));
    const left = transport.request({ url: `${server.url}/left`, method: "POST" }).then(({ body }) => body.text());
    expect(await taken).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", replaySafe: false });
    expect(await left).toBe("ok");
    expect(arrivals(server)).toEqual(["/taken 0", "/left 0", "/left 1"]);
  });

  it("said twice counts from the first, and the second tells what is left over", async () => {
    await using server = await frameServer(
      firstThenAnswer(async (peer) => {
        const first = await peer.request();
        await peer.request();
        await peer.goAway(lastPossible);
        await peer.ping();
        await peer.goAway(first.stream);
        await peer.ping();
        await peer.respond(first.stream, "first");
      }),
    );
    await using transport = http2();
    const post = (path: string) =>
      transport.request({ url: server.url + path, method: "POST", body: "x" }).then(({ body }) => body.text());
    const both = Promise.all([post("/first"), post("/second")]);
    expect(await both).toEqual(["first", "ok"]);
    expect(arrivals(server)).toEqual(["/first 0", "/second 0", "/second 1"]);
  });

  it("fails as REFUSED what cannot be sent again because its body was begun", async () => {
    await using server = await frameServer(
      firstThenAnswer(async (peer) => {
        const { stream } = await peer.request();
        await peer.frame(frames.data, stream);
        await peer.goAway(0);
        await peer.resetStream(stream, 7);
      }),
    );
    await using transport = http2();
    const more = Promise.withResolvers<void>();
    const once = async function* () {
      yield Buffer.from("begun");
      await more.promise;
    };
    const error = await failure(transport.request({ url: server.url, method: "POST", body: once() }));
    more.resolve();
    expect(error).toMatchObject({ code: "REFUSED", delivery: "refused", replaySafe: true });
    expect(server.requests).toHaveLength(1);
  });

  it("on an idle session ends it, and the next exchange goes on another", async () => {
    await using server = await frameServer(answering());
    await using transport = http2();
    await getText(transport, `${server.url}/a`);
    const [first] = server.peers;
    await first!.goAway(1);
    await first!.closed;
    expect(await getText(transport, `${server.url}/b`)).toBe("ok");
    expect(arrivals(server)).toEqual(["/a 0", "/b 1"]);
  });

  it("after each hundred exchanges costs none of 500, twenty at a time", async () => {
    await using server = await frameServer(async (peer) => {
      for (let left = 100; left > 0; left--) {
        const { stream } = await peer.request();
        if (left === 1) await peer.goAway(stream);
        await peer.respond(stream);
      }
      await peer.closed;
    });
    await using transport = http2({ maxConnections: 1 });
    const answers: string[] = [];
    const caller = async (from: number): Promise<void> => {
      for (let i = from; i < 500; i += 20) answers.push(await getText(transport, `${server.url}/${i}`));
    };
    await Promise.all(Array.from({ length: 20 }, (_, from) => caller(from)));
    expect(answers).toEqual(Array.from({ length: 500 }, () => "ok"));
    expect(new Set(server.requests.map(({ path }) => path)).size).toBe(500);
  });
});

describe("a stream that is refused", () => {
  it("is opened again, POST too, without its caller hearing of it", async () => {
    await using server = await frameServer(
      answering(async ({ stream }, peer) => {
        if (server.requests.length < 3) await peer.resetStream(stream, 7);
        else await peer.respond(stream);
      }),
    );
    await using transport = http2();
    const { body } = await transport.request({ url: server.url, method: "POST", body: "x" });
    expect(await body.text()).toBe("ok");
    expect(server.requests).toHaveLength(3);
  });

  it("is opened again three times at most", async () => {
    await using server = await frameServer(answering(({ stream }, peer) => peer.resetStream(stream, 7)));
    await using transport = http2();
    const error = await failure(transport.request({ url: server.url, method: "POST", body: "x" }));
    expect(error).toMatchObject({ code: "REFUSED", delivery: "refused", replaySafe: true });
    expect(error.attempts).toHaveLength(3);
    expect(server.requests).toHaveLength(4);
  });

  it("for HTTP/1.1 is for its caller to send that way, and is not opened again", async () => {
    await using server = await frameServer(answering(({ stream }, peer) => peer.resetStream(stream, 13)));
    await using transport = http2();
    const error = await failure(transport.request({ url: server.url, method: "POST", body: "x" }));
    expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", delivery: "refused", replaySafe: true });
    expect(server.requests).toHaveLength(1);
  });
});

describe("a session that is lost", () => {
  it("costs an idempotent exchange on a used session one replay, and a POST its life", async () => {
    await using server = await frameServer(async (peer) => {
      if (peer.index > 0) return answering()(peer);
      await peer.respond((await peer.request()).stream);
      await peer.request();
      await peer.request();
      peer.fin();
    });
    await using transport = http2();
    await getText(transport, `${server.url}/warm`);
    const post = failure(transport.request({ url: `${server.url}/post`, method: "POST" }));
    const get = getText(transport, `${server.url}/get`);
    expect(await post).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", reused: true });
    expect(await get).toBe("ok");
    expect(arrivals(server)).toEqual(["/warm 0", "/post 0", "/get 0", "/get 1"]);
  });
});
