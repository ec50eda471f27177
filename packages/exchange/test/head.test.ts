import { type Fields, toFields } from "@holdfast/transport";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameWriter } from "../src/frame-writer.ts";
import { BadBlock, bodyBytes, readRequestHead, readResponseHead, readTrailers } from "../src/head.ts";
import { writePairsFrame } from "../src/head-writer.ts";
import * as wire from "./wire.ts";

const octets = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz".split("");
const name = fc.string({
  minLength: 1,
  maxLength: 40,
  unit: fc.constantFrom(...octets),
});
const value = fc.string({
  maxLength: 60,
  unit: fc
    .integer({ min: 32, max: 255 })
    .filter((code) => code !== 127)
    .map((code) => String.fromCharCode(code)),
});
const reserved = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/** The octets of a block by our writer, without its frame's header. */
function written(pairs: readonly string[]): Buffer {
  const writer = new FrameWriter();
  expect(writePairsFrame(writer, 1, 0, pairs, 65_535)).toBe(true);
  return Buffer.concat(writer.take()).subarray(8);
}

describe("fields", () => {
  it("that are written are read as they were, and by hand too", () => {
    const pairs = fc.array(
      fc.tuple(
        name.filter((text) => !reserved.has(text)),
        value,
      ),
      { maxLength: 20 },
    );
    const property = fc.property(pairs, (fields) => {
      const block = written(fields.flat());
      expect(block.equals(wire.block(fields))).toBe(true);
      expect(readTrailers(block)).toEqual(toFields(fields));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("have no prototype, and names like its members are only names", () => {
    const fields: Fields = readTrailers(wire.block(wire.fields("constructor=1", "__proto__=2", "tostring=3")));
    expect(Object.getPrototypeOf(fields)).toBeNull();
    expect(Object.entries(fields)).toEqual([
      ["constructor", "1"],
      ["__proto__", "2"],
      ["tostring", "3"],
    ]);
  });

  it("that are none are a bad block, and nothing else is thrown, whatever the octets", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      for (const read of [readRequestHead, readResponseHead, readTrailers]) {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(BadBlock);
        }
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("are not written when they are more than the peer takes", () => {
    const writer = new FrameWriter();
    expect(writePairsFrame(writer, 1, 0, ["a", "x"], 5)).toBe(false);
    expect(writer.bytes).toBe(0);
    expect(writePairsFrame(writer, 1, 0, ["a", "x"], 6)).toBe(true);
  });
});

describe("an authority", () => {
  const request = (authority: string): Buffer =>
    wire.block(wire.fields(":method=GET", ":path=/", `:authority=${authority}`));

  it.each([
    "a.example",
    "a.example:8080",
    "127.0.0.1:1",
    "[::1]",
    "[::1]:80",
    "xn--bcher-kva.example",
    "a_b.internal",
    "a.example:",
  ])("may be %s", (authority) => {
    expect(readRequestHead(request(authority)).authority).toBe(authority);
  });

  it.each([
    "",
    "a/b",
    "a?b",
    "a#b",
    "u@a",
    "u:p@a",
    "a\\b",
    "a b",
    "[::1",
    "::1",
    "a:80:80",
    "a:port",
    "a:123456",
    "é.example",
    "a:99999",
    "a%zz",
    "[:::::]",
    "256.256.256.256",
  ])("may not be %s", (authority) => {
    expect(() => readRequestHead(request(authority))).toThrow(BadBlock);
  });
});

describe("a content-length", () => {
  it.each([
    [{}, Infinity],
    [{ "content-length": "0" }, 0],
    [{ "content-length": "999999999999999" }, 999_999_999_999_999],
  ])("of %o is %d octets", (fields, bytes) => {
    expect(bodyBytes(fields as Fields)).toBe(bytes);
  });

  it.each(["", "-1", "+1", "1.5", "0x1", "1, 1", "1000000000000000", " 1"])("may not be %o", (text) => {
    expect(() => bodyBytes({ "content-length": text })).toThrow(BadBlock);
  });
});
