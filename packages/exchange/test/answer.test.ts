import { muxCode, type ServedRequest, type ServedResponse } from "@holdfast/exchange";
import { isTransportError } from "@holdfast/transport";
import { describe, expect, it, vi } from "vitest";
import { answering } from "./ends.ts";
import { turn, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { end, type } = wire;

function ignoresBody(): ServedResponse {
  return { body: "done" };
}

/** Answers when it is told to. */
function held(): {
  readonly handler: (request: ServedRequest) => Promise<ServedResponse>;
  readonly asked: ServedRequest[];
  readonly answer: (response: ServedResponse) => void;
} {
  const asked: ServedRequest[] = [];
  const response = Promise.withResolvers<ServedResponse>();
  return {
    asked,
    answer: response.resolve,
    handler: (request) => {
      asked.push(request);
      return response.promise;
    },
  };
}

describe("a request", () => {
  it("reaches the handler as it was sent", async () => {
    const { peer } = answering(async ({ method, url, headers, body, trailers }) => ({
      body: JSON.stringify([method, url.href, headers, await body.text(), await trailers]),
    }));
    peer.send(
      wire.ask(
        1,
        0,
        [
          ["set-cookie", "a"],
          ["x", "1"],
          ["x", "é"],
        ],
        "/p?q",
        "PUT",
      ),
      wire.data(1, "he"),
      wire.data(1, ""),
      wire.data(1, "llo"),
      wire.headers(1, [["sum", "5"]], end),
    );
    expect(JSON.parse((await peer.next(type.data, 1)).payload.toString())).toEqual([
      "PUT",
      "http://a.example/p?q",
      { "set-cookie": ["a"], x: ["1", "é"] },
      "hello",
      { sum: "5" },
    ]);
    peer.close();
  });

  it("has an https URL where the client came by TLS", async () => {
    const { peer } = answering(({ url }) => ({ body: url.origin }), { secure: true });
    peer.send(wire.ask(1));
    expect((await peer.next(type.data, 1)).payload.toString()).toBe("https://a.example");
    peer.close();
  });

  const heads: readonly { readonly what: string; readonly fields: readonly string[] }[] = [
    { what: "no method", fields: [":path=/", ":authority=a"] },
    { what: "a method that is none", fields: [":method=G T", ":path=/", ":authority=a"] },
    { what: "no path", fields: [":method=GET", ":authority=a"] },
    { what: "a path that is none", fields: [":method=GET", ":path=x", ":authority=a"] },
    { what: "a path with a blank", fields: [":method=GET", ":path=/a b", ":authority=a"] },
    { what: "a path of an asterisk", fields: [":method=OPTIONS", ":path=*", ":authority=a"] },
    { what: "no authority", fields: [":method=GET", ":path=/"] },
    { what: "an authority with a path", fields: [":method=GET", ":path=/", ":authority=a/admin?"] },
    { what: "an authority with a user", fields: [":method=GET", ":path=/", ":authority=u:p@a"] },
    { what: "an authority with a port that is none", fields: [":method=GET", ":path=/", ":authority=a:99999"] },
    { what: "an authority that no URL can have", fields: [":method=GET", ":path=/", ":authority=a%zz"] },
    { what: "a host beside its authority", fields: [":method=GET", ":path=/", ":authority=a", "host=b"] },
    { what: "CONNECT", fields: [":method=CONNECT", ":path=/", ":authority=a"] },
    { what: "a pseudo-field twice", fields: [":method=GET", ":method=GET", ":path=/", ":authority=a"] },
    { what: "a pseudo-field behind a field", fields: ["x=1", ":method=GET", ":path=/", ":authority=a"] },
    { what: "a name in upper case", fields: [":method=GET", ":path=/", ":authority=a", "X=1"] },
    { what: "a field without a name", fields: [":method=GET", ":path=/", ":authority=a", "=1"] },
    { what: "a line break in a value", fields: [":method=GET", ":path=/", ":authority=a", "x=1\r\nb: 2"] },
    { what: "a field of HTTP/1.1", fields: [":method=GET", ":path=/", ":authority=a", "transfer-encoding=chunked"] },
    { what: "a deadline that is none", fields: [":method=GET", ":path=/", ":authority=a", ":deadline=-1"] },
    { what: "two lengths", fields: [":method=GET", ":path=/", ":authority=a", "content-length=1", "content-length=1"] },
    { what: "a length that is none", fields: [":method=GET", ":path=/", ":authority=a", "content-length=0x1"] },
  ];
  it.each(heads)("with $what is reset, alone, and leaves its place to others", async ({ fields }) => {
    let called = 0;
    const { peer, end: answers } = answering(
      () => {
        called++;
        return { body: "ok" };
      },
      { maxStreams: 2 },
    );
    for (const id of [1, 3, 5, 7]) {
      peer.send(wire.headers(id, wire.fields(...fields), end));
      expect((await peer.next(type.reset, id)).payload.readUInt32BE()).toBe(muxCode.protocol);
    }
    expect(called).toBe(0);
    peer.send(wire.ask(9));
    await peer.next(type.headers, 9);
    await until("nothing is open", () => answers.openStreams === 0);
    peer.close();
  });

  it("with a head that is cut, or marked as interim, is reset alone", async () => {
    const { peer } = answering();
    peer.send(
      wire.frame(type.headers, end, 1, wire.block([["x", "1"]]).subarray(0, 5)),
      wire.ask(3, wire.info),
      wire.ask(5),
    );
    await peer.next(type.headers, 5);
    expect(peer.of(type.reset).map(({ stream, payload }) => [stream, payload.readUInt32BE()])).toEqual([
      [1, muxCode.protocol],
      [3, muxCode.protocol],
    ]);
    peer.close();
  });

  it("with a head over the limit is reset alone, whether it opens the stream or ends it", async () => {
    const { peer } = answering(undefined, { limits: { headBytes: 100 } });
    const long: wire.Pairs = [["x", "y".repeat(200)]];
    peer.send(wire.ask(1, end, long), wire.ask(3, 0, [], "/", "POST"), wire.headers(3, long, end), wire.ask(5));
    await peer.next(type.headers, 5);
    expect(peer.of(type.reset).map(({ stream, payload }) => [stream, payload.readUInt32BE()])).toEqual([
      [1, muxCode.frameSize],
      [3, muxCode.frameSize],
    ]);
    peer.close();
  });

  it.each([
    { what: "longer than", length: "3" },
    { what: "shorter than", length: "5" },
  ])("with a body $what its content-length is reset, and its reader told", async ({ length }) => {
    const { handler, asked, answer } = held();
    const { peer } = answering(handler);
    peer.send(wire.ask(1, 0, [["content-length", length]], "/", "POST"), wire.data(1, "four", end));
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.protocol);
    const [request] = asked as [ServedRequest];
    await expect(request.body.text()).rejects.toSatisfy(isTransportError);
    await expect(request.trailers).rejects.toSatisfy(isTransportError);
    expect(request.signal.aborted).toBe(true);
    answer({});
    peer.close();
  });

  it.each([
    { what: "trailers that end nothing", frame: wire.headers(1, [["a", "1"]]) },
    { what: "trailers marked as interim", frame: wire.headers(1, [["a", "1"]], end | wire.info) },
    { what: "a pseudo-field in trailers", frame: wire.headers(1, [[":path", "/"]], end) },
  ])("with $what is reset", async ({ frame }) => {
    const { handler, asked, answer } = held();
    const { peer } = answering(handler);
    peer.send(wire.ask(1, 0, [], "/", "POST"), frame);
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.protocol);
    await expect((asked[0] as ServedRequest).body.text()).rejects.toSatisfy(isTransportError);
    answer({});
    peer.close();
  });

  it("that nobody reads to its end is cut off when it was answered, its late reader too", async () => {
    let request: ServedRequest | undefined;
    const { peer } = answering((asked) => {
      request = asked;
      return ignoresBody();
    });
    peer.send(wire.ask(1, 0, [], "/", "POST"), wire.data(1, "first"));
    expect((await peer.next(type.data, 1)).flags).toBe(end);
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.none);
    peer.send(wire.data(1, "late"), wire.data(1, "later", end));
    const chunks = (request as ServedRequest).body[Symbol.asyncIterator]();
    expect((await chunks.next()).value?.toString()).toBe("first");
    await expect(chunks.next()).rejects.toMatchObject({ code: "ABORTED" });
    await expect(request?.trailers).rejects.toMatchObject({ code: "ABORTED" });
    peer.close();
  });

  it("whose body the handler cancels is taken to its end, so that trailers come", async () => {
    const { peer } = answering(async ({ body, trailers }) => {
      await body.cancel();
      return { body: JSON.stringify(await trailers) };
    });
    peer.send(wire.ask(1, 0, [], "/", "POST"), wire.data(1, "a"), wire.headers(1, [["t", "1"]], end));
    expect((await peer.next(type.data, 1)).payload.toString()).toBe('{"t":"1"}');
    peer.close();
  });
});

describe("a client that gives up", () => {
  it("is noticed by the request's signal, body and trailers", async () => {
    const { handler, asked, answer } = held();
    const { peer } = answering(handler);
    peer.send(wire.ask(1, 0, [], "/", "POST"));
    await until("it is asked", () => asked.length === 1);
    const [{ signal, body, trailers }] = asked as [ServedRequest];
    const text = body.text();
    peer.send(wire.reset(1, muxCode.cancelled, "no longer"));
    await expect(text).rejects.toMatchObject({ code: "ABORTED" });
    await expect(trailers).rejects.toMatchObject({ code: "ABORTED" });
    expect(signal.reason).toMatchObject({ name: "AbortError", message: "no longer" });
    answer({ body: "too late" });
    await peer.quiet();
    expect(peer.of(type.headers)).toEqual([]);
    peer.close();
  });

  it("is noticed when it just goes", async () => {
    const { handler, asked, answer } = held();
    const { peer, end: answers } = answering(handler);
    peer.send(wire.ask(1, 0, [], "/", "POST"));
    await until("it is asked", () => asked.length === 1);
    peer.destroy();
    await answers.closed;
    expect((asked[0] as ServedRequest).signal.aborted).toBe(true);
    await expect((asked[0] as ServedRequest).body.text()).rejects.toMatchObject({ code: "ABORTED" });
    answer({});
  });

  it("ends the iterable at once, also one that waits for its next chunk", async () => {
    const returned = vi.fn<() => Promise<IteratorResult<Uint8Array>>>(async () => ({ done: true, value: undefined }));
    const { peer } = answering(() => ({
      body: { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}), return: returned }) },
    }));
    peer.send(wire.ask(1));
    await peer.next(type.headers, 1);
    peer.send(wire.reset(1, muxCode.cancelled));
    await until("it is returned", () => returned.mock.calls.length > 0);
    expect(returned).toHaveBeenCalledTimes(1);
    peer.close();
  });

  it("stops a generator where it stands", async () => {
    const done: string[] = [];
    const { peer } = answering(() => ({
      body: (async function* () {
        try {
          for (;;) yield Buffer.alloc(40_000);
        } finally {
          done.push("finally");
        }
      })(),
    }));
    peer.send(wire.ask(1));
    await until("the window is full", () => peer.bytes(1) === 65_536);
    peer.send(wire.reset(1, muxCode.cancelled));
    await until("it stops", () => done.length === 1);
    peer.close();
  });
});

describe("a deadline", () => {
  it("that is farther away than a timer can wait ends nothing", async () => {
    const { peer } = answering();
    peer.send(wire.ask(1, end, [[":deadline", "9".repeat(15)]]));
    expect((await peer.next(type.data, 1)).payload.toString()).toBe("ok");
    peer.close();
  });

  it("ends the request when it has passed: TimeoutError for the handler, code 9 for the client", async () => {
    const { handler, asked, answer } = held();
    const { peer } = answering(handler);
    peer.send(wire.ask(1, end, [[":deadline", "1"]]));
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.deadline);
    expect((asked[0] as ServedRequest).signal.reason).toMatchObject({ name: "TimeoutError" });
    answer({});
    peer.close();
  });

  it("of no time at all passes at once", async () => {
    const { handler, answer } = held();
    const { peer } = answering(handler);
    peer.send(
      wire.headers(
        1,
        [
          [":deadline", "0"],
          [":method", "GET"],
          [":path", "/"],
          [":authority", "a"],
        ],
        end,
      ),
    );
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.deadline);
    answer({});
    peer.close();
  });

  it("leaves no timer when the answer was given, or the client has gone", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { handler, asked, answer } = held();
      const { peer, end: answers } = answering((request) => (request.method === "GET" ? {} : handler(request)));
      const late = (id: number, method: string): Buffer =>
        wire.headers(
          id,
          [
            [":deadline", "5000"],
            [":method", method],
            [":path", "/"],
            [":authority", "a"],
          ],
          end,
        );
      await peer.next(type.settings);
      await until("there is no timer but that of idleness", () => vi.getTimerCount() === 1);
      peer.send(late(1, "GET"));
      await peer.next(type.headers, 1);
      await turn();
      const idle = vi.getTimerCount();
      peer.send(late(3, "POST"));
      await until("it is asked", () => asked.length === 1);
      expect(vi.getTimerCount()).toBe(idle + 1);
      peer.send(wire.reset(3, muxCode.cancelled));
      await until("it has gone", () => (asked[0] as ServedRequest).signal.aborted);
      expect(vi.getTimerCount()).toBe(idle);
      peer.close();
      await answers.closed;
      expect(vi.getTimerCount()).toBe(0);
      answer({});
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("a response", () => {
  it("begins before the request ends, and goes on with it", async () => {
    const { peer } = answering(({ body }) => ({
      body: (async function* () {
        for await (const chunk of body) yield Buffer.from(chunk.toString().toUpperCase());
      })(),
    }));
    peer.send(wire.ask(1, 0, [], "/", "POST"));
    await peer.next(type.headers, 1);
    for (const word of ["one", "two"]) {
      peer.send(wire.data(1, word));
      expect((await peer.next(type.data, 1)).payload.toString()).toBe(word.toUpperCase());
    }
    peer.send(wire.data(1, "", end));
    expect((await peer.next(type.data, 1)).flags).toBe(end);
    peer.close();
  });

  it("has interim heads before it and trailers behind it", async () => {
    const { peer } = answering(({ informational }) => {
      informational(103, { link: "</a>" });
      return { status: 201, headers: { a: ["1", "2"] }, body: "x", trailers: async () => ({ sum: "1" }) };
    });
    peer.send(wire.ask(1));
    const interim = await peer.next(type.headers, 1);
    expect([interim.flags, wire.readPairs(interim.payload)]).toEqual([
      wire.info,
      [
        [":status", "103"],
        ["link", "</a>"],
      ],
    ]);
    const head = await peer.next(type.headers, 1);
    expect(wire.readPairs(head.payload)).toEqual([
      [":status", "201"],
      ["a", "1"],
      ["a", "2"],
      ["content-length", "1"],
    ]);
    const trailers = await peer.next(type.headers, 1);
    expect([trailers.flags, wire.readPairs(trailers.payload)]).toEqual([end, [["sum", "1"]]]);
    peer.close();
  });

  it("sends no interim head once it has begun, and refuses one that is none", async () => {
    let late: (() => void) | undefined;
    const { peer } = answering(({ informational }) => {
      expect(() => informational(101)).toThrow(TypeError);
      expect(() => informational(200)).toThrow(TypeError);
      late = () => informational(103);
      return { body: "x" };
    });
    peer.send(wire.ask(1));
    await peer.next(type.data, 1);
    late?.();
    await peer.quiet();
    expect(peer.of(type.headers, 1)).toHaveLength(1);
    peer.close();
  });

  const bodiless: readonly { readonly what: string; readonly method: string; readonly response: ServedResponse }[] = [
    { what: "HEAD", method: "HEAD", response: { body: "not sent" } },
    { what: "204", method: "GET", response: { status: 204, body: "not sent" } },
    { what: "304", method: "GET", response: { status: 304, body: "not sent" } },
    { what: "no body", method: "GET", response: {} },
    { what: "an empty body", method: "GET", response: { body: "" } },
  ];
  it.each(bodiless)("of $what ends with its head", async ({ method, response }) => {
    const { peer } = answering(() => response);
    peer.send(wire.ask(1, end, [], "/", method));
    expect((await peer.next(type.headers, 1)).flags).toBe(end);
    await peer.quiet();
    expect(peer.of(type.data)).toEqual([]);
    peer.close();
  });

  it("of HEAD stops the iterable that it does not send", async () => {
    const returned = vi.fn<() => Promise<IteratorResult<Uint8Array>>>(async () => ({ done: true, value: undefined }));
    const { peer } = answering(() => ({
      body: { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error("pulled")), return: returned }) },
    }));
    peer.send(wire.ask(1, end, [], "/", "HEAD"));
    await peer.next(type.headers, 1);
    expect(returned).toHaveBeenCalledTimes(1);
    peer.close();
  });

  it("says its length once, and not in place of a field of that value", async () => {
    const { peer } = answering(({ url }) => ({
      headers: url.pathname === "/own" ? { "Content-Length": "2" } : { vary: "content-length" },
      body: "ok",
    }));
    peer.send(wire.ask(1, end, [], "/own"), wire.ask(3));
    const [own, vary] = [await peer.next(type.headers, 1), await peer.next(type.headers, 3)];
    expect(wire.readPairs(own.payload).filter(([name]) => name === "content-length")).toHaveLength(1);
    expect(wire.readPairs(vary.payload)).toContainEqual(["content-length", "2"]);
    peer.close();
  });
});
