import { describe, expect, it } from "vitest";
import { fieldBlockCounter } from "../src/field-blocks.ts";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function frame(type: number, flags: number, payload: number | Buffer): Buffer {
  const bytes = typeof payload === "number" ? Buffer.alloc(payload, 0xff) : payload;
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.byteLength, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(1, 5);
  return Buffer.concat([head, bytes]);
}

function countOf(from: "client" | "server", ...parts: readonly Buffer[]): number {
  return fieldBlockCounter(from).read(Buffer.concat(parts));
}

const [data, headers, settings, pushPromise, continuation] = [0x0, 0x1, 0x4, 0x5, 0x9];
const [endHeaders, padded, priority] = [0x4, 0x8, 0x20];

describe("the count of field blocks", () => {
  it("is of the fragments of HEADERS, PUSH_PROMISE and CONTINUATION, and of nothing else", () => {
    const others = [frame(settings, 0, 18), frame(data, 0, 70_000), frame(0xfa, 0xff, 5)];
    expect(countOf("server", ...others)).toBe(0);
    expect(countOf("server", frame(settings, 0, 0), frame(headers, endHeaders, 40), ...others)).toBe(40);
    expect(
      countOf("server", frame(headers, 0, 300), frame(continuation, 0, 20), frame(continuation, endHeaders, 1)),
    ).toBe(321);
    expect(countOf("server", frame(pushPromise, endHeaders, 4 + 30), frame(headers, endHeaders, 2))).toBe(32);
  });

  it("leaves out the length of padding, the padding, and the priority", () => {
    const fill = Buffer.alloc(12, 0xff);
    expect(countOf("server", frame(headers, endHeaders | padded, Buffer.concat([Buffer.of(7), fill])))).toBe(12 - 7);
    expect(countOf("server", frame(headers, endHeaders | priority, 5 + 20), frame(headers, endHeaders, 1))).toBe(21);
    const both = Buffer.concat([Buffer.of(3), Buffer.alloc(5), Buffer.alloc(9), Buffer.alloc(3)]);
    expect(countOf("server", frame(headers, endHeaders | padded | priority, both), frame(headers, 0, 4))).toBe(9 + 4);
    // In CONTINUATION and DATA these bits mean nothing, or not this.
    expect(countOf("server", frame(continuation, padded | priority, 10), frame(data, padded, fill))).toBe(10);
  });

  it("begins after a client's preface", () => {
    expect(countOf("client", preface, frame(settings, 0, 6), frame(headers, endHeaders, 17))).toBe(17);
  });

  it("is the same however the bytes are cut", () => {
    const bytes = Buffer.concat([
      preface,
      frame(settings, 0, 6),
      frame(headers, padded | priority, Buffer.concat([Buffer.of(2), Buffer.alloc(5 + 8 + 2)])),
      frame(continuation, endHeaders, 3),
      frame(data, 0, 50),
      frame(headers, endHeaders, 1),
    ]);
    for (const size of [1, 2, 3, 7, 10, 64]) {
      const counter = fieldBlockCounter("client");
      let total = 0;
      for (let at = 0; at < bytes.byteLength; at += size) total += counter.read(bytes.subarray(at, at + size));
      expect(total).toBe(8 + 3 + 1);
    }
  });
});
