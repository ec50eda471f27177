import { setImmediate as turn } from "node:timers/promises";
import {
  expectNextWorks,
  failure,
  getText,
  ok,
  rawAnswers as answering,
  rawServer,
} from "@holdfast/conformance/hostile";
import { toFields } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { framingOf } from "../src/body.ts";
import { http1 } from "../src/index.ts";

const chunk = Buffer.alloc(65_536, "x");
/** More than sockets and our buffers hold between them. */
const manyChunks = 512;
const heldBytes = 16 * 1024 * 1024;

/** Turns until `value()` has stayed the same for long: both ends are in this process, so nothing is under way then. */
async function steady(value: () => number): Promise<number> {
  let last = value();
  for (let same = 0; same < 500; same++) {
    await turn();
    if (value() !== last) same = 0;
    last = value();
  }
  return last;
}

describe("the framing of a response", () => {
  it.each([
    ["GET", 200, [["content-length", "5"]], "own"],
    ["GET", 200, [["transfer-encoding", "Chunked"]], "own"],
    ["GET", 200, [], "connection"],
    ["HEAD", 200, [], "own"],
    ["HEAD", 200, [["transfer-encoding", "gzip"]], "own"],
    ["GET", 204, [], "own"],
    ["GET", 304, [], "own"],
    ["GET", 200, [["transfer-encoding", "gzip, chunked"]], "unknown"],
    ["GET", 200, [["transfer-encoding", "identity"]], "unknown"],
  ] as const)("to %s with %i and %j is %j", (method, status, fields, framing) => {
    expect(framingOf(method, status, toFields(fields))).toBe(framing);
  });
});

describe("a request body", () => {
  it.each([
    ["of no bytes", "", { "content-length": "0" }],
    ["of text", "größe", { "content-length": "7" }],
    ["of bytes", Buffer.from("bytes"), { "content-length": "5" }],
    ["of many bytes", Buffer.alloc(200_000, "b"), { "content-length": "200000" }],
    [
      "of chunks",
      async function* () {
        yield Buffer.from("ab");
        yield Buffer.from("cd");
      },
      { "transfer-encoding": "chunked" },
    ],
    ["of a stream", new Blob(["streamed"]).stream(), { "transfer-encoding": "chunked" }],
    ["that is not there", null, { "content-length": "0" }],
  ])("%s arrives whole", async (_, body, framing) => {
    await using server = await rawServer(answering(({ body: got }) => ok(got.toString("latin1"))));
    await using transport = http1();
    const response = await transport.request({ url: server.url, method: "POST", body });
    const echoed = Buffer.from(await response.body.text(), "utf8");
    const [request] = server.requests;
    expect(request?.headers).toMatchObject(framing);
    expect(
      Object.keys(request?.headers ?? {}).filter((name) => /^(content-length|transfer-encoding)$/.test(name)),
    ).toHaveLength(1);
    if (typeof body === "string" || body instanceof Uint8Array)
      expect(request?.body.equals(Buffer.from(body))).toBe(true);
    expect(echoed.length > 0).toBe((request?.body.byteLength ?? 0) > 0);
  });

  it("of chunks has the length that its caller declares", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("four");
    };
    const request = { url: server.url, method: "PUT", headers: { "content-length": "4" }, body };
    expect(await (await transport.request(request)).body.text()).toBe("ok");
    expect(server.requests[0]?.headers).not.toHaveProperty("transfer-encoding");
    expect(String(server.requests[0]?.body)).toBe("four");
  });

  it.each([
    ["short", "9"],
    ["long", "3"],
  ])("that comes out too %s for its declared length fails, and is not taken for a whole one", async (_, length) => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("four");
    };
    const request = { url: server.url, method: "PUT", headers: { "content-length": length }, body };
    expect(await failure(transport.request(request))).toMatchObject({ code: "ABORTED", delivery: "maybe-sent" });
    await expectNextWorks(transport, server);
    expect(server.requests.map(({ path }) => path)).toEqual(["/next"]);
  });

  it("that fails is the caller's failure, and the server does not take it for a whole one", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const reason = new Error("the disk is gone");
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("half");
      throw reason;
    };
    const error = await failure(transport.request({ url: server.url, method: "PUT", body }));
    expect(error).toMatchObject({ code: "ABORTED", phase: "send", delivery: "maybe-sent", cause: reason });
    await expectNextWorks(transport, server);
    expect(server.requests.map(({ path }) => path)).toEqual(["/next"]);
  });

  it("waits for a server that does not read", async () => {
    const read = Promise.withResolvers<void>();
    await using server = await rawServer(async (peer) => {
      peer.socket.pause();
      await read.promise;
      peer.socket.resume();
      await peer.request();
      await peer.write(ok());
    });
    await using transport = http1();
    let yielded = 0;
    const body = async function* (): AsyncGenerator<Uint8Array> {
      for (; yielded < manyChunks; yielded++) yield chunk;
    };
    const answer = transport.request({ url: server.url, method: "POST", body });
    expect((await steady(() => yielded)) * chunk.byteLength).toBeLessThan(heldBytes);
    read.resolve();
    expect(await (await answer).body.text()).toBe("ok");
    expect(server.requests[0]?.body.byteLength).toBe(manyChunks * chunk.byteLength);
  });

  it("that nobody reads any of fails with BODY_TIMEOUT, and is ended", async () => {
    await using server = await rawServer((peer) => void peer.socket.pause());
    await using transport = http1({ timeouts: { bodyGapMs: 80 } });
    let ended = false;
    const body = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield chunk;
      } finally {
        ended = true;
      }
    };
    const error = await failure(transport.request({ url: server.url, method: "POST", body }));
    expect(error).toMatchObject({ code: "BODY_TIMEOUT", phase: "send", delivery: "maybe-sent" });
    expect(error.message).toContain("timeouts.bodyGapMs");
    await turn();
    expect(ended).toBe(true);
  });

  it.each(["connection: close\r\n", ""])(
    "stops where the final answer comes early (with %j), and is ended",
    async (field) => {
      await using server = await rawServer(async (peer) => {
        if (peer.index > 0) return answering(() => ok())(peer);
        await peer.head();
        peer.socket.pause();
        await peer.write(`HTTP/1.1 413 Content Too Large\r\n${field}content-length: 8\r\n\r\ntoo long`);
      });
      await using transport = http1();
      const ended = Promise.withResolvers<void>();
      let yielded = 0;
      const body = async function* (): AsyncGenerator<Uint8Array> {
        try {
          for (; yielded < manyChunks; yielded++) yield chunk;
        } finally {
          ended.resolve();
        }
      };
      const response = await transport.request({ url: server.url, method: "POST", body });
      expect(response.status).toBe(413);
      expect(await response.body.text()).toBe("too long");
      await ended.promise;
      expect(yielded).toBeLessThan(manyChunks);
      server.peers[0]?.socket.resume();
      await server.peers[0]?.closed;
      await expectNextWorks(transport, server);
      expect(transport.stats().connections).toMatchObject({ active: 0, draining: 0 });
    },
  );

  it("that was answered early ends a kept connection before the next exchange is given it", async () => {
    await using server = await rawServer(async (peer) => {
      for (;;) {
        const { path } = await peer.head();
        await peer.write(ok(path === "/upload" ? "enough" : "ok"));
      }
    });
    await using transport = http1({ maxConnections: 1 });
    for (let i = 0; i < 2; i++) await getText(transport, server.url);
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield chunk;
      await new Promise(() => {});
    };
    const upload = await transport.request({ url: `${server.url}/upload`, method: "POST", body });
    const next = getText(transport, `${server.url}/next`);
    expect(await upload.body.text()).toBe("enough");
    expect(await next).toBe("ok");
    expect(server.peers).toHaveLength(2);
    expect(transport.stats().totals.exchangesReplayed).toBe(0);
  });

  it("of many bytes at once is watched, too: BODY_TIMEOUT where nobody reads it", async () => {
    await using server = await rawServer((peer) => void peer.socket.pause());
    await using transport = http1({ timeouts: { bodyGapMs: 80, headMs: Infinity } });
    const body = Buffer.alloc(manyChunks * chunk.byteLength);
    const error = await failure(transport.request({ url: server.url, method: "POST", body }));
    expect(error).toMatchObject({ code: "BODY_TIMEOUT", phase: "send", delivery: "maybe-sent" });
  });

  it("goes on while the answer comes: each waits for the other", async () => {
    await using server = await rawServer(async (peer) => {
      await peer.head();
      await peer.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      for (;;) {
        const length = Number.parseInt(await peer.until("\r\n"), 16);
        // The line end of a chunk may leave with the next one.
        const text = String(await peer.take(length));
        await peer.write(length === 0 ? "0\r\n\r\n" : `${length.toString(16)}\r\n${text.toUpperCase()}\r\n`);
        if (length === 0) return;
        await peer.until("\r\n");
      }
    });
    await using transport = http1();
    const words = ["one", "two", "three"];
    let heard = Promise.withResolvers<void>();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      for (const word of words) {
        yield Buffer.from(word);
        await heard.promise;
      }
    };
    const response = await transport.request({ url: server.url, method: "POST", body });
    const echoed: string[] = [];
    for await (const part of response.body) {
      echoed.push(String(Buffer.from(part)));
      const before = heard;
      heard = Promise.withResolvers();
      before.resolve();
    }
    expect(echoed).toEqual(["ONE", "TWO", "THREE"]);
  });
});

describe("a response body", () => {
  it("that nobody reads yet waits at the server, and then comes whole", async () => {
    let taken = 0;
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write(`HTTP/1.1 200 OK\r\ncontent-length: ${manyChunks * chunk.byteLength}\r\n\r\n`);
      for (let i = 0; i < manyChunks; i++) {
        await peer.write(chunk);
        taken += chunk.byteLength;
      }
    });
    await using transport = http1();
    const { body } = await transport.request({ url: server.url });
    expect(await steady(() => taken)).toBeLessThan(heldBytes);
    let bytes = 0;
    for await (const part of body) bytes += part.byteLength;
    expect(bytes).toBe(manyChunks * chunk.byteLength);
  });

  it("arrives piece by piece as it is sent", async () => {
    let next = Promise.withResolvers<void>();
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      for (const word of ["one", "two", "three"]) {
        await peer.write(`${word.length}\r\n${word}\r\n`);
        await next.promise;
      }
      await peer.write("0\r\n\r\n");
    });
    await using transport = http1();
    const { body } = await transport.request({ url: server.url });
    const words: string[] = [];
    for await (const part of body) {
      words.push(String(Buffer.from(part)));
      const before = next;
      next = Promise.withResolvers();
      before.resolve();
    }
    expect(words).toEqual(["one", "two", "three"]);
  });

  it("that is given up costs the connection if much is left of it, and nothing if little is", async () => {
    await using server = await rawServer(
      answering(({ path }) =>
        path === "/much" ? ok("x".repeat(1_000_000)) : ok(path === "/next" ? "ok" : "x".repeat(20_000)),
      ),
    );
    await using transport = http1({ maxConnections: 1 });
    await (await transport.request({ url: `${server.url}/little` })).body.cancel();
    {
      await using response = await transport.request({ url: `${server.url}/little` });
      expect(response.status).toBe(200);
    }
    for await (const _ of (await transport.request({ url: `${server.url}/little` })).body) break;
    await (await transport.request({ url: `${server.url}/much` })).body.cancel();
    await expectNextWorks(transport, server);
    expect(server.requests.map(({ connection }) => connection)).toEqual([0, 0, 0, 0, 1]);
    expect(transport.stats().totals).toMatchObject({ exchangesEnded: 5, exchangesFailed: 0 });
  });

  it("that is given up and then never ends gives its place back all the same", async () => {
    await using server = await rawServer(
      answering(({ path }) => (path === "/next" ? ok() : "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")),
    );
    await using transport = http1({ maxConnections: 1 });
    await (await transport.request({ url: server.url })).body.cancel();
    await expectNextWorks(transport, server);
    expect(server.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  it("brings its trailers, and none where there are none", async () => {
    await using server = await rawServer(
      answering(({ path }) =>
        path === "/none"
          ? ok()
          : "HTTP/1.1 200 OK\r\ntrailer: x-sum\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: abc\r\nx-sum: def\r\n\r\n",
      ),
    );
    await using transport = http1();
    const response = await transport.request({ url: server.url });
    expect(await response.body.text()).toBe("ok");
    expect({ ...(await response.trailers) }).toEqual({ "x-sum": ["abc", "def"] });
    const bare = await transport.request({ url: `${server.url}/none` });
    expect(await bare.body.text()).toBe("ok");
    expect(Object.keys(await bare.trailers)).toEqual([]);
    expect(await getText(transport, `${server.url}/none`)).toBe("ok");
    expect(server.peers).toHaveLength(1);
  });
});
