import { setImmediate as turn } from "node:timers/promises";
import {
  authority,
  certificate,
  type Certificate,
  endStream,
  expectNextWorks,
  failure,
  frameAnswers as answering,
  type FramePeer,
  frameServer,
  getText,
} from "@holdfast/conformance/hostile";
import { beforeAll, describe, expect, it } from "vitest";
import { http2 } from "../src/index.ts";

/** Enough to make a reader that is behind stop its stream, and less than its window. */
const longBytes = 300_000;

type Cut = (peer: FramePeer, stream: number) => Promise<void> | void;

const resets: Readonly<Record<string, Cut>> = Object.fromEntries(
  Object.entries({
    NO_ERROR: 0,
    PROTOCOL_ERROR: 1,
    INTERNAL_ERROR: 2,
    STREAM_CLOSED: 5,
    REFUSED_STREAM: 7,
    CANCEL: 8,
    ENHANCE_YOUR_CALM: 11,
    HTTP_1_1_REQUIRED: 13,
  }).map(([name, code]) => [
    `RST_STREAM(${name})`,
    (peer: FramePeer, stream: number) => peer.resetStream(stream, code),
  ]),
);

const losses: Readonly<Record<string, Cut>> = {
  FIN: (peer) => peer.fin(),
  "TCP reset": (peer) => peer.reset(),
  "GOAWAY(NO_ERROR) and FIN": async (peer, stream) => {
    await peer.goAway(stream);
    peer.fin();
  },
  "GOAWAY(INTERNAL_ERROR) and FIN": async (peer, stream) => {
    await peer.goAway(stream, 2);
    peer.fin();
  },
};

const cuts: Readonly<Record<string, Cut>> = { ...resets, ...losses };

/** What is sent of a response before it is cut. */
const moments: Readonly<Record<string, (peer: FramePeer, stream: number, bytes: number) => Promise<void>>> = {
  "after the head": (peer, stream) => peer.headers(stream, [[":status", "200"]]),
  "within the body": async (peer, stream, bytes) => {
    await peer.headers(stream, [[":status", "200"]]);
    await peer.data(stream, "x".repeat(bytes));
  },
  "where only END_STREAM is missing": async (peer, stream, bytes) => {
    await peer.headers(stream, [
      [":status", "200"],
      ["content-length", String(bytes)],
    ]);
    await peer.data(stream, "x".repeat(bytes));
  },
};

const endings: Readonly<Record<string, (peer: FramePeer, stream: number, bytes: number) => Promise<void>>> = {
  "a body": (peer, stream, bytes) => peer.respond(stream, "x".repeat(bytes)),
  "a body and trailers": async (peer, stream, bytes) => {
    await peer.headers(stream, [[":status", "200"]]);
    await peer.data(stream, "x".repeat(bytes));
    await peer.headers(stream, [["x-sum", "1"]], endStream);
  },
};

/** A TCP reset takes what the client has not read yet, so it waits until there is no such thing. */
const received =
  (end: (typeof endings)[string]): (typeof endings)[string] =>
  async (peer, stream, bytes) => {
    await end(peer, stream, bytes);
    await peer.ping();
  };

const methods = ["GET", "POST"] as const;
const consumers = ["reading", "paused"] as const;

let tls: { readonly ca: string; readonly server: Certificate };

beforeAll(() => {
  const ca = authority();
  tls = { ca: ca.cert, server: certificate({ ip: ["127.0.0.1"] }, ca) };
});

interface Cell {
  readonly method: (typeof methods)[number];
  readonly consumer: (typeof consumers)[number];
  readonly cut: Cut;
  readonly before: (peer: FramePeer, stream: number, bytes: number) => Promise<void>;
  readonly lost: boolean;
  readonly secure?: boolean;
}

/** Reads a response that is cut, to its end. */
async function readAfterCut({ method, consumer, cut, before, lost, secure = false }: Cell) {
  const bytes = consumer === "paused" ? longBytes : 5;
  const go = Promise.withResolvers<void>();
  const cutDone = Promise.withResolvers<void>();
  await using server = await frameServer(
    answering(async (request, peer) => {
      if (request.path === "/next") return peer.respond(request.stream);
      await peer.body(request);
      await before(peer, request.stream, bytes);
      await go.promise;
      await cut(peer, request.stream);
      cutDone.resolve();
    }),
    secure ? { tls: tls.server } : {},
  );
  await using transport = http2(secure ? { tls: { ca: tls.ca } } : {});
  const response = await transport.request({
    url: `${server.url}/cut`,
    method,
    ...(method === "POST" && { body: "hello" }),
  });
  const read = async (): Promise<number> => {
    let count = 0;
    for await (const chunk of response.body) count += chunk.byteLength;
    return count;
  };
  if (consumer === "paused") {
    go.resolve();
    await cutDone.promise;
    await turn();
  }
  const outcome = read();
  go.resolve();
  const settled = await outcome.then(
    (count) => ({ count }),
    (error: unknown) => ({ error }),
  );
  const trailers = await response.trailers.then(
    (fields) => ({ ...fields }),
    () => "failed" as const,
  );
  // One that was whole is followed by another only after the cut, which would else cut that, too.
  await cutDone.promise;
  if (lost) await server.idle();
  expect(await getText(transport, `${server.url}/next`)).toBe("ok");
  expect(server.requests.filter(({ path }) => path === "/cut")).toMatchObject([{ method }]);
  return { ...settled, trailers, bytes, sessions: server.peers.length };
}

const product = (some: Readonly<Record<string, Cut>>) =>
  Object.entries(some).flatMap(([name, cut]) =>
    methods.flatMap((method) => consumers.map((consumer) => ({ name, cut, method, consumer, lost: name in losses }))),
  );

const truncated = { code: "TRUNCATED", phase: "body", delivery: "answered", replaySafe: false };

describe.each(Object.entries(moments))("a response that is cut %s", (_, before) => {
  it.each(product(cuts))("by $name is TRUNCATED for the $consumer reader of a $method", async (cell) => {
    const { trailers, ...outcome } = await readAfterCut({ ...cell, before });
    expect(outcome).toMatchObject({ error: truncated, sessions: cell.lost ? 2 : 1 });
    expect(trailers).toBe("failed");
  });
});

describe.each(Object.entries(endings))("a response that was ended with %s", (name, before) => {
  it.each(product(cuts))("is whole for the $consumer reader of a $method, though $name follows", async (cell) => {
    const { bytes, sessions: _, ...outcome } = await readAfterCut({ ...cell, before: received(before) });
    expect(outcome).toEqual({ count: bytes, trailers: name === "a body" ? {} : { "x-sum": "1" } });
  });
});

describe("over TLS", () => {
  const some = { ...losses, "RST_STREAM(NO_ERROR)": cuts["RST_STREAM(NO_ERROR)"]! };

  it.each(product(some))("a body cut by $name is TRUNCATED for the $consumer reader of a $method", async (cell) => {
    const before = moments["within the body"]!;
    expect(await readAfterCut({ ...cell, before, secure: true })).toMatchObject({
      error: truncated,
      trailers: "failed",
    });
  });

  it.each(product(some))("one that was ended is whole for the $consumer reader of a $method: $name", async (cell) => {
    const outcome = await readAfterCut({ ...cell, before: received(endings["a body"]!), secure: true });
    expect(outcome).toMatchObject({ count: outcome.bytes, trailers: {} });
  });
});

describe("an exchange that is cut before its head", () => {
  const lost = { code: "CONNECTION_LOST", phase: "head", delivery: "maybe-sent", replaySafe: false };
  const reset = { code: "STREAM_RESET", phase: "head", delivery: "maybe-sent", replaySafe: false };
  const told = (name: string) => name !== "RST_STREAM(REFUSED_STREAM)" && name !== "RST_STREAM(HTTP_1_1_REQUIRED)";

  it.each(
    Object.entries(cuts)
      .flatMap(([name, cut]) => methods.map((method) => ({ name, cut, method })))
      .filter(({ name }) => told(name)),
  )("by $name fails a $method, which is not sent again", async ({ name, cut, method }) => {
    await using server = await frameServer(
      answering(async (request, peer) => {
        if (request.path === "/next") return peer.respond(request.stream);
        await peer.body(request);
        await cut(peer, request.stream);
      }),
    );
    await using transport = http2();
    const body = method === "POST" ? "hello" : null;
    expect(await failure(transport.request({ url: `${server.url}/cut`, method, body }))).toMatchObject(
      name === "RST_STREAM(ENHANCE_YOUR_CALM)"
        ? { ...reset, code: "LIMIT_EXCEEDED" }
        : name.startsWith("RST_STREAM")
          ? reset
          : lost,
    );
    await expectNextWorks(transport, server);
    expect(server.requests).toHaveLength(2);
  });
});

describe("a length that is announced", () => {
  it.each([
    ["longer", "9", "TRUNCATED"],
    ["shorter", "3", "PROTOCOL_ERROR"],
  ])("%s than the body fails the exchange", async (_, length, code) => {
    await using server = await frameServer(
      answering(async ({ stream, path }, peer) => {
        if (path === "/next") return peer.respond(stream);
        await peer.headers(stream, [
          [":status", "200"],
          ["content-length", length],
        ]);
        await peer.data(stream, "hello", endStream);
      }),
    );
    await using transport = http2();
    const read = transport.request({ url: server.url }).then(({ body }) => body.text());
    expect(await failure(read)).toMatchObject({ code, phase: "body", delivery: "answered" });
    await expectNextWorks(transport, server);
  });
});
