import { describe, expect, it } from "vitest";
import { BodyBuffer, BodyReader } from "../src/body.ts";
import { isTransportError } from "../src/error.ts";
import { bench, makeError, turn } from "./body-bench.ts";

const of = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
async function collectAll(chunks: AsyncIterable<Uint8Array>): Promise<number[]> {
  const all: number[] = [];
  for await (const chunk of chunks) all.push(...chunk);
  return all;
}

const readers: [string, (body: BodyReader) => Promise<number[]>][] = [
  ["bytes()", async (body) => [...(await body.bytes())]],
  ["text()", async (body) => [...text(await body.text())]],
  ["iteration", collectAll],
  ["stream()", (body) => collectAll(body.stream())],
  [
    "a BYOB reader of stream()",
    async (body) => {
      const reader = body.stream().getReader({ mode: "byob" });
      const all: number[] = [];
      for (;;) {
        const { done, value } = await reader.read(new Uint8Array(3));
        if (done) return all;
        all.push(...value);
      }
    },
  ],
];

describe.each(readers)("a body read by %s", (_, read) => {
  it("is all its bytes in order, pushed before and while it is read", async () => {
    const { buffer, body, asked } = bench();
    buffer.push(text("one "));
    const reading = read(body);
    buffer.push(text("two "));
    await turn();
    buffer.push(text("three "));
    buffer.push(text("four"));
    await turn();
    buffer.end();
    expect(await reading).toEqual([...text("one two three four")]);
    expect(asked).toEqual([]);
  });

  it("is empty if it ended at once", async () => {
    const { buffer, body } = bench();
    buffer.end();
    expect(await read(body)).toEqual([]);
  });

  it("is not disturbed by empty chunks", async () => {
    const { buffer, body } = bench();
    const reading = read(body);
    await turn();
    buffer.push(of());
    await turn();
    buffer.push(text("x"));
    buffer.push(of());
    await turn();
    buffer.end();
    expect(await reading).toEqual([...text("x")]);
  });

  it("fails with the error itself, never with a short success", async () => {
    for (const late of [false, true]) {
      const { buffer, body, asked } = bench();
      const error = makeError("TRUNCATED");
      buffer.push(text("begun"));
      if (!late) buffer.fail(error);
      const reading = read(body);
      const caught = reading.catch((reason: unknown) => reason);
      await turn();
      if (late) buffer.fail(error);
      expect(await caught).toBe(error);
      expect(asked).toEqual([]);
    }
  });

  it("is used by that reader, so a second one gets a TypeError", async () => {
    const { buffer, body } = bench();
    expect(body.used).toBe(false);
    const reading = read(body);
    expect(body.used).toBe(true);
    await expect(body.bytes()).rejects.toThrow(TypeError);
    await expect(body.text()).rejects.toThrow(TypeError);
    await expect(body.json()).rejects.toThrow(TypeError);
    expect(() => body.stream()).toThrow(TypeError);
    expect(() => body[Symbol.asyncIterator]()).toThrow(TypeError);
    buffer.push(text("x"));
    buffer.end();
    expect(await reading).toEqual([...text("x")]);
  });

  it("settles when it is cancelled by another", async () => {
    const { body, asked, buffer } = bench();
    const reading = read(body);
    const caught = reading.catch((reason: unknown) => reason);
    await turn();
    await body.cancel("enough");
    expect(["enough", []]).toContainEqual(await caught);
    expect(asked).toEqual(["cancel"]);
    buffer.push(text("late"));
    buffer.end();
  });
});

describe("text() and json()", () => {
  it("decode UTF-8 across chunks and strip a byte order mark", async () => {
    const { buffer, body } = bench();
    for (const byte of text("\ufeffé😀")) buffer.push(of(byte));
    buffer.end();
    expect(await body.text()).toBe("é😀");
  });

  it("parse JSON, and reject with a SyntaxError for anything else", async () => {
    const good = bench();
    good.buffer.push(text('{"a":[1]}'));
    good.buffer.end();
    expect(await good.body.json()).toEqual({ a: [1] });
    const bad = bench();
    bad.buffer.push(text("<html>"));
    bad.buffer.end();
    await expect(bad.body.json()).rejects.toThrow(SyntaxError);
  });
});

describe("stream()", () => {
  it("leaves the pushed chunk to whoever shares its buffer", async () => {
    const { buffer, body } = bench();
    const shared = of(1, 2, 3, 4);
    buffer.push(shared.subarray(1, 3));
    buffer.end();
    expect(await collectAll(body.stream())).toEqual([2, 3]);
    expect(shared).toEqual(of(1, 2, 3, 4));
  });

  it("keeps a slow reader's source paused", async () => {
    const { buffer, body, asked } = bench();
    const reader = body.stream().getReader();
    for (let i = 0; i < 4; i += 1) buffer.push(new Uint8Array(40_000));
    await turn();
    await turn();
    expect(asked).toEqual(["pause"]);
    for (let i = 0; i < 4; i += 1) await reader.read();
    await turn();
    expect(asked).toEqual(["pause", "resume"]);
    await reader.cancel();
  });
});

describe("a limit", () => {
  it.each<[string, number | undefined, number]>([
    ["of the call", 3, 3],
    ["of the adapter, if the call names none", undefined, 5],
  ])("%s lets exactly as many bytes pass", async (_, maxBytes, limit) => {
    const options = maxBytes === undefined ? {} : { maxBytes };
    for (const when of ["before", "while"]) {
      const { buffer, body } = bench(5);
      const fill = (): void => {
        for (let i = 0; i < limit; i += 1) buffer.push(of(i));
      };
      if (when === "before") fill();
      const reading = body.bytes(options);
      if (when === "while") fill();
      buffer.end();
      expect((await reading).byteLength).toBe(limit);
    }
  });

  it.each<[string, "before" | "while" | "ended"]>([
    ["before it is read", "before"],
    ["while it is read", "while"],
    ["and ended before it is read", "ended"],
  ])("fails a body that is longer by one byte, pushed %s, and cancels what is to come once", async (_, when) => {
    const { buffer, body, asked, reasons } = bench();
    if (when !== "while") buffer.push(of(1, 2, 3, 4));
    if (when === "ended") buffer.end();
    const caught = body.bytes({ maxBytes: 3 }).catch((error: unknown) => error);
    if (when === "while") {
      buffer.push(of(1, 2, 3));
      await turn();
      buffer.push(of(4));
    }
    const error = await caught;
    expect(isTransportError(error)).toBe(true);
    expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", message: "longer than 3 bytes" });
    buffer.push(of(5));
    buffer.fail(makeError("CONNECTION_LOST"));
    expect(asked).toEqual(when === "ended" ? [] : ["cancel"]);
    expect(reasons).toEqual(when === "ended" ? [] : [error]);
  });

  it("of zero bytes lets an empty body pass", async () => {
    const { buffer, body } = bench();
    const reading = body.bytes({ maxBytes: 0 });
    buffer.end();
    expect(await reading).toEqual(of());
  });
});

describe("giving a body up", () => {
  it.each<[string, (body: BodyReader) => unknown]>([
    ["cancel()", (body) => body.cancel()],
    ["disposal", (body) => body[Symbol.asyncDispose]()],
    [
      "break",
      async (body) => {
        for await (const _ of body) break;
      },
    ],
    ["cancel() of its stream", (body) => body.stream().cancel()],
  ])("by %s cancels the source once, with a reason, and drops what is pushed later", async (_, giveUp) => {
    const { buffer, body, asked, reasons } = bench();
    buffer.push(of(1));
    await giveUp(body);
    expect(buffer.state).toBe("cancelled");
    expect(body.used).toBe(true);
    await body.cancel();
    await body[Symbol.asyncDispose]();
    buffer.push(of(2));
    buffer.end();
    expect(asked).toEqual(["cancel"]);
    expect(reasons[0]).toMatchObject({ name: "AbortError" });
    await expect(body.bytes()).rejects.toThrow(TypeError);
  });

  it("hands the caller's own reason on", async () => {
    const reason = new Error("mine");
    const direct = bench();
    await direct.body.cancel(reason);
    expect(direct.reasons).toEqual([reason]);
    const streamed = bench();
    await streamed.body.stream().cancel(reason);
    expect(streamed.reasons).toEqual([reason]);
  });

  it.each<[string, (buffer: BodyBuffer) => void]>([
    ["ended", (buffer) => buffer.end()],
    ["failed", (buffer) => buffer.fail(makeError("TRUNCATED"))],
  ])("asks nothing of the source of a body that has %s", async (_, settle) => {
    const { buffer, body, asked } = bench();
    buffer.push(of(1));
    settle(buffer);
    await body[Symbol.asyncDispose]();
    await body.cancel();
    expect(asked).toEqual([]);
  });

  it("ends a reader quietly, even after a failure that it has not seen", async () => {
    const { buffer, body } = bench();
    const reader = body[Symbol.asyncIterator]();
    buffer.fail(makeError("TRUNCATED"));
    await body.cancel();
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it("after it was read to the end is harmless", async () => {
    const { buffer, body, asked } = bench();
    buffer.push(of(1));
    buffer.end();
    await body.bytes();
    await body.cancel();
    expect(asked).toEqual([]);
    expect(buffer.state).toBe("ended");
  });

  it("is not needed after a failure that nobody reads: it is no unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    bench().buffer.fail(makeError("TRUNCATED"));
    await turn();
    await turn();
    process.off("unhandledRejection", listener);
    expect(unhandled).toEqual([]);
  });
});

describe("back-pressure", () => {
  it("pauses a body that nobody reads, once, and resumes it when it is read", async () => {
    const { buffer, body, asked } = bench();
    for (let i = 0; i < 10; i += 1) buffer.push(new Uint8Array(32_768));
    expect(asked).toEqual(["pause"]);
    const reading = body.bytes();
    expect(asked).toEqual(["pause", "resume"]);
    buffer.end();
    expect((await reading).byteLength).toBe(327_680);
  });

  it("never pauses a body that is being collected: its own limit bounds it", async () => {
    const { buffer, body, asked } = bench();
    const reading = body.bytes();
    for (let i = 0; i < 10; i += 1) buffer.push(new Uint8Array(32_768));
    buffer.end();
    expect((await reading).byteLength).toBe(327_680);
    expect(asked).toEqual([]);
  });

  it("does not pause a reader that keeps up", async () => {
    const { buffer, body, asked } = bench();
    const reader = body[Symbol.asyncIterator]();
    for (let i = 0; i < 10; i += 1) {
      const next = reader.next();
      buffer.push(new Uint8Array(65_536));
      expect((await next).value?.byteLength).toBe(65_536);
    }
    expect(asked).toEqual([]);
  });

  it("asks nothing of a source that has ended or failed", async () => {
    for (const settle of ["end", "fail"] as const) {
      const { buffer, body, asked } = bench();
      buffer.push(new Uint8Array(100_000));
      if (settle === "end") buffer.end();
      else buffer.fail(makeError("TRUNCATED"));
      await collectAll(body).catch(() => undefined);
      expect(asked).toEqual(["pause"]);
    }
  });

  it("copes with a source that pushes from within resume", async () => {
    let left = 20;
    const buffer: BodyBuffer = new BodyBuffer({
      maxBytes: Infinity,
      pause: () => undefined,
      resume: () => {
        for (let i = 0; i < 5 && left > 0; i += 1, left -= 1) buffer.push(new Uint8Array(20_000).fill(left));
        if (left === 0) buffer.end();
      },
      cancel: () => undefined,
      tooLong: () => makeError("LIMIT_EXCEEDED"),
    });
    buffer.push(new Uint8Array(70_000).fill(99));
    const seen: number[] = [];
    for await (const chunk of new BodyReader(buffer)) seen.push(chunk[0] ?? -1);
    expect(seen).toEqual([99, ...Array.from({ length: 20 }, (_, i) => 20 - i)]);
  });
});

describe("two reads at once", () => {
  it("of one iterator are refused, and the first still gets its chunk", async () => {
    const { buffer, body } = bench();
    const reader = body[Symbol.asyncIterator]();
    const first = reader.next();
    await expect(reader.next()).rejects.toThrow("is being read already");
    buffer.push(of(7));
    expect(await first).toEqual({ done: false, value: of(7) });
  });
});

describe("a limit that is no number", () => {
  it("is refused, and the body can still be read", async () => {
    const { buffer, body } = bench();
    await expect(body.bytes({ maxBytes: Number.NaN })).rejects.toThrow("maxBytes is not a number of at least 0");
    buffer.push(of(7));
    buffer.end();
    expect([...(await body.bytes())]).toEqual([7]);
  });
});
