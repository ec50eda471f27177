import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BodyBuffer, BodyReader, TransportError } from "@holdfast/transport";

function newBody(): BodyBuffer {
  return new BodyBuffer({
    pause: () => {},
    resume: () => {},
    cancel: () => {},
    maxBytes: Infinity,
    tooLong: () =>
      new TransportError("LIMIT_EXCEEDED", "too long", {
        delivery: "answered",
        phase: "body",
        protocol: "x",
        origin: "y",
      }),
  });
}

/** The chunks that are read until nothing waits. */
async function readAll(body: BodyBuffer): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of new BodyReader(body)) chunks.push(chunk);
  return chunks;
}

describe("chunks that wait", () => {
  it("are as they came while they are few", async () => {
    const body = newBody();
    for (let i = 0; i < 64; i++) body.push(Uint8Array.of(i));
    body.end();
    expect((await readAll(body)).map((chunk) => [...chunk])).toEqual(Array.from({ length: 64 }, (_, i) => [i]));
  });

  it("are joined where they are many and small, so that they take little more than their bytes", async () => {
    const body = newBody();
    for (let i = 0; i < 1_000_000; i++) body.push(Uint8Array.of(i));
    body.end();
    const chunks = await readAll(body);
    expect(chunks.length).toBeLessThan(64 + 1_000_000 / 4_000);
    const heldBytes = chunks.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    expect(heldBytes).toBeLessThan(1_100_000);
  });

  it("keep their bytes and their order, whatever their sizes, and whenever they are read", async () => {
    const step = fc.oneof(
      fc.nat({ max: 40 }).map((bytes) => ({ read: false, bytes })),
      fc.constantFrom(1_023, 1_024, 1_025, 4_096).map((bytes) => ({ read: false, bytes })),
      fc.constant({ read: true, bytes: 0 }),
    );
    const property = fc.asyncProperty(fc.array(step, { maxLength: 300, size: "max" }), async (steps) => {
      const body = newBody();
      const reader = new BodyReader(body);
      const got: Uint8Array[] = [];
      const pushed: Uint8Array[] = [];
      let next = 0;
      let waiting = 0;
      for (const { read, bytes } of steps) {
        if (!read) {
          const chunk = new Uint8Array(bytes).map(() => next++);
          pushed.push(chunk);
          body.push(chunk);
          waiting += bytes;
        } else if (waiting > 0) {
          const { value } = await body.next(reader);
          got.push(value as Uint8Array);
          waiting -= (value as Uint8Array).byteLength;
        }
      }
      body.end();
      got.push(...(await readAll(body)));
      expect(Buffer.concat(got).equals(Buffer.concat(pushed))).toBe(true);
      // What was read is the reader's: nothing is written to it any more.
      expect(Buffer.concat(got).byteLength).toBe(next);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  it("are collected whole", async () => {
    const body = newBody();
    for (let i = 0; i < 500; i++) body.push(Uint8Array.of(i));
    body.end();
    expect([...(await new BodyReader(body).bytes())]).toEqual(Array.from({ length: 500 }, (_, i) => i % 256));
  });
});
