import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkFields, checkNumber, checkRequest, checkTimeouts } from "../src/check-request.ts";
import type { Fields } from "../src/fields.ts";
import type { TransportRequest } from "../src/request.ts";

const url = "https://a.example/path?query";
const check = (request: object): ReturnType<typeof checkRequest> => checkRequest({ url, ...request });
const bytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));
/** RFC 9110, 5.6.2. */
const isTokenCharacter = (text: string): boolean => "!#$%&'*+-.^_`|~".includes(text) || /[0-9A-Za-z]/.test(text);
/** RFC 9110, 5.5: visible characters, obs-text, and blanks between them. */
const isFieldCharacter = (text: string): boolean => {
  const code = text.charCodeAt(0);
  return code === 0x09 || (code >= 0x20 && code !== 0x7f);
};

/** What the call returns, or the message of the error that it throws. */
function outcome(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return String(error);
  }
}

async function* chunks(...list: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* list;
}

describe("a request", () => {
  it("of a URL alone is an idempotent GET without fields and body", () => {
    const source = { url };
    expect(checkRequest(source)).toEqual({
      target: { origin: "https://a.example", scheme: "https:", hostname: "a.example", port: 443, path: "/path?query" },
      method: "GET",
      headers: [],
      body: { kind: "none", replayable: true },
      idempotent: true,
      source: {},
    });
  });

  it("is looked at once: what becomes of the caller's object later changes nothing", () => {
    const { signal } = new AbortController();
    const request: { -readonly [K in keyof TransportRequest]: TransportRequest[K] } = { url, signal, attempt: 2 };
    const { source } = checkRequest(request);
    request.signal = new AbortController().signal;
    request.attempt = 3;
    request.onPush = () => {};
    expect(source).toEqual({ signal, attempt: 2 });
    expect(source.signal).toBe(signal);
  });

  it.each([undefined, null, "https://a.example/", 1])("that is %j is refused", (request) => {
    expect(() => checkRequest(request as never)).toThrow(TypeError);
  });

  it.each(["/relative", "https://user:secret@a.example/", "https://a.example/\r\nx"])("to %j is refused", (wrong) => {
    expect(() => check({ url: wrong })).toThrow(TypeError);
  });
});

describe("a method", () => {
  it("may hold each byte that a token may, and no other", () => {
    for (const character of bytes) {
      const method = `A${character}B`;
      const expected = isTokenCharacter(character) ? method : "TypeError: method is not a token (RFC 9110, 9.1)";
      expect([character, outcome(() => check({ method }).method)]).toEqual([character, expected]);
    }
  });

  it.each(["", " GET", "GET ", "GET / HTTP/1.1\r\nx: y", "GÉT", "G\u0130T", 7, null, {}])("cannot be %j", (method) => {
    expect(() => check({ method })).toThrow(TypeError);
  });

  it("is sent as written", () => {
    expect(check({ method: "get" }).method).toBe("get");
    expect(check({ method: "M-SEARCH" }).method).toBe("M-SEARCH");
  });

  it("cannot be CONNECT, which makes a tunnel", () => {
    expect(() => check({ method: "CONNECT" })).toThrow(/tunnel.*proxy/);
  });

  it.each(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"])("%s is idempotent (RFC 9110, 9.2.2)", (method) => {
    expect(check({ method }).idempotent).toBe(true);
  });

  it.each(["POST", "PATCH", "get", "UNKNOWN"])("%s is not idempotent", (method) => {
    expect(check({ method }).idempotent).toBe(false);
  });
});

describe("whether a request is idempotent", () => {
  it("is what the caller says, whatever the method and fields", () => {
    expect(check({ method: "POST", idempotent: true }).idempotent).toBe(true);
    expect(check({ method: "GET", idempotent: false }).idempotent).toBe(false);
    expect(check({ method: "POST", idempotent: false, headers: { "idempotency-key": "k" } }).idempotent).toBe(false);
  });

  it.each(["idempotency-key", "Idempotency-Key"])("follows from the field %s", (name) => {
    expect(check({ method: "POST", headers: { a: "1", [name]: "k", b: "2" } }).idempotent).toBe(true);
  });

  it.each(["", "  ", []])("does not follow from the idempotency key %j, which names nothing", (value) => {
    expect(check({ method: "POST", headers: { "idempotency-key": value } }).idempotent).toBe(false);
  });
});

describe("a field name", () => {
  it("may hold each byte that a token may, and no other", () => {
    for (const character of bytes) {
      const name = `x${character}y`;
      const refused = `TypeError: ${JSON.stringify(name)} is not a field name (RFC 9110, 5.1)`;
      const expected = isTokenCharacter(character) ? [name.toLowerCase(), "v"] : refused;
      expect([character, outcome(() => check({ headers: { [name]: "v" } }).headers)]).toEqual([character, expected]);
    }
  });

  it.each(["", ":path", ":authority", "a:", " a", "a\r\nb", "\u212a", "日"])("cannot be %j", (name) => {
    expect(() => check({ headers: { [name]: "v" } })).toThrow(TypeError);
  });

  it("is sent in lower case, its values in order", () => {
    expect(check({ headers: { Accept: ["a", "b"], "X-One": "1" } }).headers).toEqual([
      "accept",
      "a",
      "accept",
      "b",
      "x-one",
      "1",
    ]);
  });

  it.each(["__proto__", "constructor", "toString"])("may be %s, as an own key only", (name) => {
    expect(check({ headers: { ["__proto__"]: "v" } }).headers).toEqual(["__proto__", "v"]);
    expect(check({ headers: JSON.parse(`{"${name}":"v"}`) as Fields }).headers).toEqual([name.toLowerCase(), "v"]);
    expect(check({ headers: {} }).headers).toEqual([]);
    expect(check({ headers: Object.create({ inherited: "v" }) as Fields }).headers).toEqual([]);
  });

  const framing =
    "connection keep-alive proxy-connection transfer-encoding upgrade expect http2-settings trailer".split(" ");
  it.each(framing)("cannot be %s, in any case, because it belongs to the transport", (name) => {
    for (const written of [name, name.toUpperCase()]) {
      expect(() => check({ headers: { [written]: "v" } })).toThrow(
        new TypeError(`the field ${name} belongs to the transport and cannot be set`),
      );
    }
  });
});

describe("a field value", () => {
  it("may hold each byte but controls, in a string or an array", () => {
    for (const character of bytes) {
      const value = `x${character}y`;
      const refused = "TypeError: the value of the field name is not a string of field characters (RFC 9110, 5.5)";
      const expected = isFieldCharacter(character) ? value : refused;
      for (const headers of [{ name: value }, { name: ["first", value] }]) {
        expect([character, outcome(() => check({ headers }).headers.at(-1))]).toEqual([character, expected]);
      }
    }
  });

  it.each(["日", "\u0100", "x\u010ay", "\u2028", "😀"])("cannot hold %j, which does not fit a byte", (value) => {
    expect(() => check({ headers: { name: value } })).toThrow(TypeError);
  });

  it.each(["x\r\ninjected: 1", "x\n", "\r", "x\0"])("cannot be %j, even at its end", (value) => {
    expect(() => check({ headers: { name: value } })).toThrow(TypeError);
  });

  it("loses the blanks around it and keeps those inside", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", " ", "\t", "\xa0", "é"), maxLength: 12 }), (value) => {
        const expected = value.replace(/^[\t ]+/, "").replace(/[\t ]+$/, "");
        expect(check({ headers: { name: value } }).headers).toEqual(["name", expected]);
      }),
    );
  });

  it.each([undefined, null, 1, true, {}, ["a", 1], [["a"]], [undefined], new Date(0)])("cannot be %j", (value) => {
    expect(() => check({ headers: { name: value } })).toThrow(TypeError);
  });

  it("may be an empty string, and no value at all", () => {
    expect(check({ headers: { a: "", b: [] } }).headers).toEqual(["a", ""]);
  });

  it("is never repeated in an error, nor is a key of a wrong body or method", () => {
    const secret = "Bearer s3cr3t";
    const wrong = [
      { headers: { authorization: `${secret}\n` } },
      { headers: { authorization: [secret, "\0"] } },
      { headers: { te: secret } },
      { headers: { "content-length": secret } },
      { headers: { connection: secret } },
      { method: secret },
      { body: { secret } },
    ];
    for (const request of wrong) {
      const message = outcome(() => check(request));
      expect(message).toMatch(/^TypeError: ./);
      expect(message).not.toContain("s3cr3t");
    }
  });

  it("of te can only be trailers", () => {
    expect(check({ headers: { TE: "trailers" } }).headers).toEqual(["te", "trailers"]);
    for (const te of ["gzip", "trailers, gzip", "Trailers", ["trailers", "gzip"], ""]) {
      expect(() => check({ headers: { te } })).toThrow("te can only ask for trailers");
    }
  });
});

describe("fields", () => {
  it.each<[string, object]>([
    ["a Headers object", new Headers({ authorization: "x" })],
    ["a Map", new Map([["authorization", "x"]])],
    ["an array of pairs", [["authorization", "x"]]],
    ["URLSearchParams", new URLSearchParams("a=b")],
    ["a string", Object("authorization: x") as object],
    ["null", null as unknown as object],
  ])("cannot be %s, whose names would be lost", (_, headers) => {
    expect(() => check({ headers })).toThrow(new TypeError("fields are given as a plain object of names and values"));
  });

  it("are copied, so a later change of the caller's object changes nothing", () => {
    const headers: Record<string, string | string[]> = { a: ["1"] };
    const checked = check({ headers });
    headers["b"] = "2";
    (headers["a"] as string[]).push("3");
    expect(checked.headers).toEqual(["a", "1"]);
  });

  it("are appended by checkFields to what is there", () => {
    const into = ["a", "1"];
    checkFields({ B: ["2", "3"] }, into);
    expect(into).toEqual(["a", "1", "b", "2", "b", "3"]);
    expect(() => checkFields({ "transfer-encoding": "chunked" }, into)).toThrow(TypeError);
  });
});

describe("a content-length", () => {
  it.each([
    ["of a string in bytes, not characters", "é", "2"],
    ["of bytes", new Uint8Array(7), "7"],
    ["of no body", null, "0"],
    ["of nothing", undefined, "0"],
  ])("%s is accepted where it is right, and refused where it is not", (_, body, length) => {
    expect(check({ method: "POST", body, headers: { "content-length": length } }).headers).toEqual([
      "content-length",
      length,
    ]);
    for (const wrong of ["1", "100"]) {
      expect(() => check({ method: "POST", body, headers: { "Content-Length": wrong } })).toThrow(
        /content-length says \d+ bytes, the body has/,
      );
    }
  });

  it("of a stream is left to the adapter, which counts", () => {
    expect(check({ method: "POST", body: chunks(), headers: { "content-length": "5" } }).headers).toEqual([
      "content-length",
      "5",
    ]);
  });

  it.each(["-1", "+1", "1.0", "0x1", "1e3", "1, 1", "", "one", "1".repeat(16), ["1", "1"], ["0", "1"]])(
    "cannot be %j",
    (length) => {
      for (const body of ["x", chunks()]) {
        expect(() => check({ method: "POST", body, headers: { "content-length": length } })).toThrow(
          "content-length is not one whole number",
        );
      }
    },
  );
});

describe("a body", () => {
  it("of a string is its UTF-8 bytes, and can be replayed", () => {
    const { body } = check({ body: "é😀" });
    expect(body).toMatchObject({ kind: "bytes", replayable: true });
    expect(body.kind === "bytes" && [...body.bytes]).toEqual([0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80]);
  });

  it.each<[string, Uint8Array]>([
    ["a Uint8Array", new Uint8Array([1, 2])],
    ["a Buffer", Buffer.from([1, 2])],
    ["a view on a part", new Uint8Array([0, 1, 2, 3]).subarray(1, 3)],
    ["no bytes", new Uint8Array(0)],
  ])("of %s is these bytes, and can be replayed", (_, given) => {
    const { body } = check({ body: given });
    expect(body).toMatchObject({ kind: "bytes", replayable: true });
    expect(body.kind === "bytes" && body.bytes).toEqual(given);
  });

  it("of a function is opened anew each time, and can be replayed", () => {
    let opened = 0;
    const { body } = check({ body: () => (opened++, chunks()) });
    expect(opened).toBe(0);
    if (body.kind !== "stream") throw new Error("not a stream");
    expect(body.replayable).toBe(true);
    expect(body.open()).not.toBe(body.open());
    expect(opened).toBe(2);
  });

  it.each<[string, () => AsyncIterable<Uint8Array>]>([
    ["an async generator", () => chunks(new Uint8Array(1))],
    ["a ReadableStream", () => new Response("x").body as ReadableStream<Uint8Array>],
    ["a Node stream", () => Readable.from([Buffer.from("x")])],
    ["an async iterable of the caller's", () => ({ [Symbol.asyncIterator]: () => chunks() })],
  ])("of %s is itself, untouched, and cannot be replayed", (_, make) => {
    const given = make();
    const { body } = check({ body: given });
    if (body.kind !== "stream") throw new Error("not a stream");
    expect(body.replayable).toBe(false);
    expect(body.open()).toBe(given);
  });

  it.each<[string, () => unknown]>([
    ["a number", () => 5],
    ["true", () => true],
    ["an object", () => ({})],
    ["an array of chunks", () => [new Uint8Array(1)]],
    ["a plain iterable", () => new Set([new Uint8Array(1)])],
    ["an ArrayBuffer", () => new ArrayBuffer(1)],
    ["URLSearchParams", () => new URLSearchParams("a=b")],
    ["a FormData", () => new FormData()],
    ["a Blob", () => new Blob(["x"])],
    ["a promise", () => Promise.resolve("x")],
  ])("cannot be %s", (_, make) => {
    expect(() => check({ body: make() })).toThrow(
      /^body is not a string, bytes, an async iterable, a stream or a function/,
    );
  });

  it("cannot be a stream that is locked, read, ended or destroyed", async () => {
    const locked = new Response("x").body as ReadableStream;
    locked.getReader();
    const read = new Response("x").body as ReadableStream;
    const reader = read.getReader();
    await reader.read();
    reader.releaseLock();
    const ended = Readable.from([Buffer.from("x")]);
    await ended.toArray();
    const destroyed = Readable.from([]);
    destroyed.destroy();
    const begun = Readable.from([Buffer.from("x"), Buffer.from("y")]);
    await begun[Symbol.asyncIterator]().next();
    const lookalike = { [Symbol.asyncIterator]: () => chunks() };
    const strangers = { destroyed: true, ...lookalike };
    const theirs = { readableEnded: true, ...lookalike };
    for (const body of [locked, read, ended, destroyed, begun, strangers, theirs]) {
      expect(() => check({ body })).toThrow("already read, locked or destroyed");
    }
  });
});

describe("numbers and signals", () => {
  it.each([0, 0.5, 1, 60_000, Infinity])("deadlineMs and timeouts may be %d", (value) => {
    const timeouts = { queueMs: value, connectMs: value, headMs: value, bodyGapMs: value };
    expect(() => check({ deadlineMs: value, timeouts })).not.toThrow();
  });

  it.each([-1, -0.1, Number.NaN, -Infinity, "5", null, 5n, {}])("deadlineMs and timeouts cannot be %o", (value) => {
    expect(() => check({ deadlineMs: value })).toThrow("deadlineMs is not a number of at least 0");
    for (const name of ["queueMs", "connectMs", "headMs", "bodyGapMs"]) {
      expect(() => check({ timeouts: { [name]: value } })).toThrow(`timeouts.${name} is not a number of at least 0`);
    }
  });

  it.each(["headsMs", "connect", "constructor"])(
    "a timeout named %s is unknown, and the known ones are listed",
    (name) => {
      expect(() => checkTimeouts({ [name]: 5 })).toThrow(
        `timeouts.${name} is unknown; there are queueMs, connectMs, headMs and bodyGapMs`,
      );
    },
  );

  it("an absent timeout passes", () => {
    expect(() => checkTimeouts({})).not.toThrow();
    expect(() => checkTimeouts({ headMs: undefined })).not.toThrow();
  });

  it("attempt counts from 1", () => {
    expect(() => check({ attempt: 1 })).not.toThrow();
    expect(() => check({ attempt: 0 })).toThrow("attempt is not a number of at least 1");
  });

  it("checkNumber names the option and its least value", () => {
    expect(() => checkNumber("maxQueued", 3, 3)).not.toThrow();
    expect(() => checkNumber("maxQueued", undefined, 3)).not.toThrow();
    expect(() => checkNumber("maxQueued", 2, 3)).toThrow(new TypeError("maxQueued is not a number of at least 3"));
  });

  it("a signal is an AbortSignal, aborted or not", () => {
    expect(() => check({ signal: new AbortController().signal })).not.toThrow();
    expect(() => check({ signal: AbortSignal.abort() })).not.toThrow();
    for (const signal of [null, {}, new AbortController(), { aborted: false }, new EventTarget()]) {
      expect(() => check({ signal })).toThrow("signal is not an AbortSignal");
    }
  });
});
