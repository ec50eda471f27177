import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTarget, type Target } from "../src/target.ts";

const defaultPorts = new Map([
  ["http:", 80],
  ["https:", 443],
  ["ws:", 80],
  ["wss:", 443],
]);

/** What the URL parser of Node makes of it. */
function reference(text: string): Target {
  const url = new URL(text);
  return {
    origin: `${url.protocol}//${url.host}`,
    scheme: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (defaultPorts.get(url.protocol) ?? 0) : Number(url.port),
    path: (url.pathname || "/") + url.search,
  };
}

/** Parses again and again: an origin is remembered by the first time, and what is remembered must not show. */
const parsed = (text: string): Target[] => [text, text, text, new URL(text)].map(parseTarget);
const references = (text: string): Target[] => Array.from({ length: 4 }, () => reference(text));

/** What the call returns, or the error that it throws. */
function outcome(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    return error;
  }
}

const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...Array.from("/.?#%:@&=;,'\"|\\^`{}[]<>~!$()*+ -_")) },
  { weight: 4, arbitrary: fc.constantFrom("a", "B", "7", "%2e", "%2E", "%2f", "..", "//", "é", "日", "😀", "\ud800") },
);
const tail = fc.string({ unit: character, maxLength: 12 });
const scheme = fc.constantFrom("http:", "https:", "ws:", "wss:", "HTTPS:");
const host = fc.constantFrom(
  "a",
  "ab",
  "b.example",
  "B.Example",
  "127.0.0.1",
  "[::1]",
  "[2001:db8::1]",
  "bücher.example",
  "0x7f.1",
);
const port = fc.constantFrom("", ":80", ":443", ":8080", ":08080", ":");
const slashes = fc.oneof({ weight: 6, arbitrary: fc.constant("//") }, fc.constantFrom("/", "", "///", "\\\\", "/\\"));
const isParsed = (text: string): boolean =>
  URL.canParse(text) && new URL(text).username === "" && new URL(text).password === "";

describe("parseTarget", () => {
  it("agrees with the URL parser on any URL, the first time and later", () => {
    fc.assert(
      fc.property(fc.tuple(scheme, slashes, host, port, tail), (parts) => {
        const text = parts.join("");
        fc.pre(isParsed(text));
        expect(parsed(text)).toEqual(references(text));
      }),
      { numRuns: 3_000 },
    );
  });

  it("agrees with the URL parser on well-formed URLs", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (text) => {
        fc.pre(isParsed(text));
        expect(parsed(text)).toEqual(references(text));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    "https://a.example",
    "https://a.example/",
    "https://a.example?q=1",
    "https://a.example?q=/1/2",
    "https://a.example#/f/g",
    "https://a.example/?",
    "https://a.example/x?",
    "https://a.example/x??",
    "https://a.example/a/./b/../c",
    "https://a.example/a/%2e%2E/c",
    "https://a.example//double//slash",
    "https://a.example/x#fragment",
    "https://a.example\\x\\y",
    "https://a.example:443/x",
    "https://a.example:8443/x",
    "HTTPS://A.EXAMPLE/X",
    "http://[::1]:8080/x",
    "ws://a/b/c",
    "ws://ab/c/d",
    "http:/a/b/c",
    "http:a/b/c",
    "unix-like://service",
    "unix-like://service/path",
  ])("splits %s as the URL parser does", (text) => {
    expect(parsed(text)).toEqual(references(text));
  });

  it("does not take one origin for another where slashes or blanks stand in front", () => {
    for (const front of ["http:////", "http:/\\/", "  http://", "http:///"]) {
      expect(parseTarget(`${front}a.example/x`).origin).toBe("http://a.example");
      expect(parseTarget(`${front}b.example/x`)).toMatchObject({ origin: "http://b.example", path: "/x" });
    }
  });

  it("changes no target that it gave when it gives the next of that origin", () => {
    const first = parseTarget("https://shared.example/1");
    const second = parseTarget("https://shared.example/2");
    expect(second).toEqual({ ...first, path: "/2" });
    expect(first.path).toBe("/1");
  });

  it("still answers right after more origins than it remembers", () => {
    for (let i = 0; i < 2_500; i += 1) parseTarget(`https://host-${i}.example/`);
    for (const i of [0, 1_200, 2_499]) {
      const text = `https://host-${i}.example/path?${i}`;
      expect(parsed(text)).toEqual(references(text));
    }
  });

  it("leaves the fragment out", () => {
    expect(parseTarget("https://a.example/x?y#z").path).toBe("/x?y");
  });

  it("lets no byte into the path that could end a request line", () => {
    for (let code = 0; code < 256; code += 1) {
      const text = `https://bytes.example/a${String.fromCharCode(code)}b`;
      const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
      const { path } = reference(text);
      expect(path).toMatch(/^\/[\x21-\x7e]+$/);
      const answered = expect.objectContaining({ path });
      const expected = isControl ? new TypeError("url holds a control character") : answered;
      expect([code, outcome(() => parseTarget(text))]).toEqual([code, expected]);
      expect([code, outcome(() => parseTarget(text))]).toEqual([code, expected]);
    }
  });

  it.each(["\r\n", "\n", "\r", "\0", "\t"])("refuses %j anywhere in a string", (text) => {
    for (const url of [
      `${text}https://a.example/`,
      `ht${text}tps://a.example/`,
      `https://a.ex${text}ample/`,
      `https://a.example/${text}`,
    ]) {
      expect(() => parseTarget(url)).toThrow(TypeError);
    }
  });

  it.each([
    "/relative",
    "",
    "a.example",
    "//a.example/x",
    "?q",
    "https://",
    "https://a b/",
    "https://a.example:99999/",
  ])("refuses %j, which is no absolute URL", (url) =>
    expect(() => parseTarget(url)).toThrow(new TypeError("url is not an absolute URL")),
  );

  it.each(["mailto:a@b.example", "data:text/plain,x", "file:///etc/hosts", "blob:https://a.example/x"])(
    "refuses %s, which names no host",
    (url) => expect(() => parseTarget(url)).toThrow(/names no host/),
  );

  it.each(["https://user@a.example/", "https://user:secret@a.example/", "https://:secret@a.example/"])(
    "refuses the user information of %s and does not repeat it, whether the origin is known or not",
    (url) => {
      parseTarget("https://a.example/");
      for (const given of [url, new URL(url)]) {
        const error = outcome(() => parseTarget(given));
        expect(error).toBeInstanceOf(TypeError);
        expect(String(error)).toMatch(/user information/);
        expect(String(error)).not.toContain("secret");
      }
    },
  );

  it("refuses more than 16,384 characters, whether the origin is known or not", () => {
    const start = "https://long.example/";
    const fits = start + "x".repeat(16_384 - start.length);
    for (let time = 0; time < 2; time++) {
      expect(parseTarget(fits).path).toHaveLength(16_384 - start.length + 1);
      for (const given of [`${fits}x`, new URL(`${fits}x`), `${fits.slice(0, 10_000)}${"ä".repeat(2_000)}`]) {
        expect(() => parseTarget(given)).toThrow(new TypeError("url is longer than 16384 characters"));
      }
    }
  });

  it.each([undefined, null, 42, {}])("refuses %j, which is no URL at all", (url) => {
    expect(() => parseTarget(url as never)).toThrow(TypeError);
  });
});
