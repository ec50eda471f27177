import { pipePair } from "@holdfast/exchange";
import { describe, expect, it } from "vitest";
import { headBytesIn, tapHeads } from "../src/mux-heads.ts";

const [data, headers] = [0x00, 0x10];

/** A frame: length, type and flags, stream, payload. */
function frame(type: number, flags: number, payloadBytes: number): Buffer {
  const bytes = Buffer.alloc(8 + payloadBytes, 0xff);
  bytes.writeUIntBE(payloadBytes, 0, 3);
  bytes[3] = type | flags;
  bytes.writeUInt32BE(1, 4);
  return bytes;
}

describe("the bytes of heads in a message", () => {
  it("are the payloads of HEADERS among other frames, whatever their flags", () => {
    const message = Buffer.concat([
      frame(headers, 0, 70_000),
      frame(data, 1, 300),
      frame(headers, 3, 0),
      frame(headers, 1, 41),
    ]);
    expect(headBytesIn(message)).toBe(70_041);
  });

  it("are none in a message without HEADERS, and in one that is cut", () => {
    expect(headBytesIn(frame(data, 0, 5))).toBe(0);
    expect(headBytesIn(Buffer.alloc(0))).toBe(0);
    expect(headBytesIn(frame(headers, 0, 9).subarray(0, 7))).toBe(0);
  });
});

describe("a tapped pipe", () => {
  it("passes all on, both ways, and tells the heads of each", async () => {
    const [near, far] = pipePair();
    const [received, sent, arrived, sentOn]: [number[], number[], unknown[], unknown[]] = [[], [], [], []];
    const tapped = tapHeads(
      near,
      (bytes) => received.push(bytes),
      (bytes) => sent.push(bytes),
    );
    const closed = Promise.withResolvers<void>();
    far.start({ message: (message) => sentOn.push(message), closed: () => undefined });
    tapped.start({ message: (message) => arrived.push(message), closed: () => closed.resolve() });
    const message = frame(headers, 1, 12);
    const written = new Promise<void>((resolve) => tapped.send(message, resolve));
    far.send(frame(headers, 0, 5), () => undefined);
    await written;
    far.close(1000, "");
    await closed.promise;
    expect([received, sent]).toEqual([[5], [12]]);
    expect(sentOn.map((one) => Buffer.compare(one as Buffer, message))).toEqual([0]);
    expect(arrived).toHaveLength(1);
  });
});
