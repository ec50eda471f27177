import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTarget, type Target } from "../src/target.ts";

const defaultPorts = new Map([["http:", 80], ["https:", 443], ["ws:", 80], ["wss:", 443]]);

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

/** Parses three times: an origin is remembered by the first, and what is remembered must not show. */
function expectTarget(text: string): void {
  const expected = reference(text);
  for (let time = 0; time < 3; time += 1) expect(parseTarget(text), text).toEqual(expected);
  expect(parseTarget(new URL(text)), text).toEqual(expected);
}

const character = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(..."/.?#%:@&=;,'\"|\\^`{}[]<>~!$()*+ -_") },
  { weight: 4, arbitrary: fc.constantFrom("a", "B", "7", "%2e", "%2E", "%2f", "..", "//", "é", "日", "😀", "\ud800") },
);
const tail = fc.string({ unit: character, maxLength: 12 });
const scheme = fc.constantFrom("http:", "https:", "ws:", "wss:", "HTTPS:");
const host = fc.constantFrom("a", "ab", "b.example", "B.Example", "127.0.0.1", "[::1]", "[2001:db8::1]", "bücher.example", "0x7f.1");
const port = fc.constantFrom("", ":80", ":443", ":8080", ":08080", ":");
const slashes = fc.oneof({ weight: 6, arbitrary: fc.constant("//") }, fc.constantFrom("/", "", "///", "\\\\", "/\\"));
const isParsed = (text: string): boolean => URL.canParse(text) && new URL(text).username === "" && new URL(text).password === "";

describe("parseTarget", () => {
  it("agrees with the URL parser on any URL, the first time and later", () => {
    fc.assert(
      fc.property(fc.tuple(scheme, slashes, host, port, tail), (parts) => {
        const text = parts.join("");
        if (isParsed(text)) expectTarget(text);
      }),
      { numRuns: 3_000 },
    );
  });

  it("agrees with the URL parser on well-formed URLs", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (text) => {
        if (isParsed(text)) expectTarget(text);
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
  ])("splits %s as the URL parser does", expectTarget);

  it("does not take one origin for another where slashes or blanks stand in front", () => {
    for (const front of ["http:////", "http:/\\/", "  http://", "http:///"]) {
      expect(parseTarget(`${front}a.example/x`).origin).toBe("http://a.example");
      expect(parseTarget(`${front}b.example/x`)).toMatchObject({ origin: "http://b.example", path: "/x" });
    }
  });

  it("shares one origin string among paths, and no target among calls", () => {
    const first = parseTarget("https://shared.example/1");
    const second = parseTarget("https://shared.example/2");
    expect(second).toEqual({ ...first, path: "/2" });
    expect(first.path).toBe("/1");
  });

  it("still answers right after more origins than it remembers", () => {
    for (let i = 0; i < 2_500; i += 1) parseTarget(`https://host-${i}.example/`);
    for (const i of [0, 1_200, 2_499]) expectTarget(`https://host-${i}.example/path?${i}`);
  });

  it("leaves the fragment out", () => {
    expect(parseTarget("https://a.example/x?y#z").path).toBe("/x?y");
  });

  it("lets no byte into the path that could end a request line", () => {
    for (let code = 0; code < 256; code += 1) {
      const text = `https://bytes.example/a${String.fromCharCode(code)}b`;
      const control = code < 0x20 || (code >= 0x7f && code < 0xa0);
      for (let time = 0; time < 2; time += 1) {
        if (control) {
          expect(() => parseTarget(text), String(code)).toThrow(new TypeError("url holds a control character"));
        } else {
          expect(parseTarget(text).path, String(code)).toMatch(/^\/[\x21-\x7e]+$/);
          expect(parseTarget(text), String(code)).toEqual(reference(text));
        }
      }
    }
  });

  it.each(["\r\n", "\n", "\r", "\0", "\t"])("refuses %j anywhere in a string", (text) => {
    for (const url of [`${text}https://a.example/`, `ht${text}tps://a.example/`, `https://a.ex${text}ample/`, `https://a.example/${text}`]) {
      expect(() => parseTarget(url)).toThrow(TypeError);
    }
  });

  it.each(["/relative", "", "a.example", "//a.example/x", "?q", "https://", "https://a b/", "https://a.example:99999/"])(
    "refuses %j, which is no absolute URL",
    (url) => expect(() => parseTarget(url)).toThrow(new TypeError("url is not an absolute URL")),
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
        let message = "";
        try {
          parseTarget(given);
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          message = (error as Error).message;
        }
        expect(message).toMatch(/user information/);
        expect(message).not.toContain("secret");
      }
    },
  );

  it.each([undefined, null, 42, {}])("refuses %j, which is no URL at all", (url) => {
    expect(() => parseTarget(url as never)).toThrow(TypeError);
  });
});
