import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameWriter } from "../src/frame-writer.ts";
import * as wire from "./wire.ts";

describe("frames of a turn", () => {
  it("leave in as few messages as they fit, whole, in order, and none writes over another's", () => {
    const size = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 20_000 }), fc.constantFrom(65_528, 65_535));
    const turns = fc.array(fc.record({ writer: fc.nat({ max: 2 }), sizes: fc.array(size, { maxLength: 8 }) }), {
      maxLength: 20,
    });
    const property = fc.property(turns, (all) => {
      const writers = [new FrameWriter(), new FrameWriter(), new FrameWriter()];
      const made: { readonly messages: readonly Buffer[]; readonly expected: Buffer }[] = [];
      let octet = 0;
      for (const { writer: pick, sizes } of all) {
        const writer = writers[pick] as FrameWriter;
        const expected = sizes.map((bytes) => wire.frame(0, 1, 2 ** 32 - 1, Buffer.alloc(bytes, ++octet)));
        for (const frame of expected) writer.data(1, 2 ** 32 - 1, frame.subarray(8));
        const total = expected.reduce((sum, { byteLength }) => sum + byteLength, 0);
        expect(writer.bytes).toBe(total);
        const messages = writer.take();
        expect(writer.bytes).toBe(0);
        expect(messages.length).toBeLessThanOrEqual(1 + Math.ceil((2 * total) / 65_536));
        for (const message of messages) wire.readWire(message);
        made.push({ messages, expected: Buffer.concat(expected) });
      }
      // Looked at last: slabs are shared.
      for (const { messages, expected } of made) expect(Buffer.concat(messages).equals(expected)).toBe(true);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it("of two connections that write by turns do not mix", () => {
    const one = new FrameWriter();
    const other = new FrameWriter();
    one.ping(0, Buffer.from("one-one-"));
    other.ping(0, Buffer.from("other-ot"));
    one.ping(1, Buffer.from("one-two-"));
    expect(Buffer.concat(other.take()).toString("latin1")).toContain("other-ot");
    const text = Buffer.concat(one.take()).toString("latin1");
    expect(text).toContain("one-one-");
    expect(text).toContain("one-two-");
    expect(text).not.toContain("other");
  });
});
