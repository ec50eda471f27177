import { describe, expect, it } from "vitest";
import { type RequestBody, requestBody } from "../src/request-body.ts";

interface Source {
  opened: number;
  ended: number;
}

function streaming(
  texts: readonly string[],
  replayable: boolean,
  headers: readonly string[] = [],
): { body: RequestBody; source: Source } {
  const source: Source = { opened: 0, ended: 0 };
  async function* open(): AsyncGenerator<Uint8Array> {
    source.opened++;
    try {
      for (const text of texts) yield Buffer.from(text);
    } finally {
      source.ended++;
    }
  }
  return { body: requestBody({ kind: "stream", open, replayable }, headers), source };
}

async function read(body: RequestBody): Promise<string> {
  let text = "";
  for await (const chunk of body.chunks()) text += Buffer.from(chunk).toString();
  return text;
}

/** An iterable of the caller's own make. */
function handMade(iterator: Partial<AsyncIterator<Uint8Array>>): RequestBody {
  const whole = { next: () => Promise.resolve({ done: false, value: Buffer.from("x") }), ...iterator };
  const open = (): AsyncIterable<Uint8Array> => ({ [Symbol.asyncIterator]: () => whole as AsyncIterator<Uint8Array> });
  return requestBody({ kind: "stream", open, replayable: false }, []);
}

describe("a request body", () => {
  it("of none or of bytes is always at hand", () => {
    const bytes = Buffer.from("abc");
    expect(requestBody({ kind: "none", replayable: true }, [])).toMatchObject({
      kind: "none",
      bytes: undefined,
      atHand: true,
    });
    expect(requestBody({ kind: "bytes", bytes, replayable: true }, [])).toMatchObject({
      kind: "bytes",
      bytes,
      atHand: true,
    });
  });

  it("has no chunks unless it is a stream", async () => {
    expect(await read(requestBody({ kind: "bytes", bytes: Buffer.from("abc"), replayable: true }, []))).toBe("");
  });

  it.each([
    ["longer", "3", "ab"],
    ["shorter", "5", "abcd"],
  ])("that is %s than its content-length fails before the peer could tell", async (what, length, passed) => {
    const { body, source } = streaming(["ab", "cd"], true, ["x-a", "content-length", "content-length", length]);
    const seen: string[] = [];
    const reading = (async () => {
      for await (const chunk of body.chunks()) seen.push(Buffer.from(chunk).toString());
    })();
    await expect(reading).rejects.toThrow(new TypeError(`the request body is ${what} than its content-length`));
    expect(seen.join("")).toBe(passed);
    body.stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.ended).toBe(1);
  });

  it("that is as long as its content-length is read to its end", async () => {
    expect(await read(streaming(["ab", "cd"], false, ["content-length", "4"]).body)).toBe("abcd");
  });

  it("that a function makes can be read by each attempt", async () => {
    const { body, source } = streaming(["a", "b"], true);
    expect(await read(body)).toBe("ab");
    expect(body.atHand).toBe(true);
    expect(await read(body)).toBe("ab");
    expect(source).toEqual({ opened: 2, ended: 2 });
  });

  it("that is a bare stream is at hand until somebody begins to read it", async () => {
    const { body, source } = streaming(["a"], false);
    expect(body.atHand).toBe(true);
    await body.chunks().next();
    expect(body.atHand).toBe(false);
    expect(source.opened).toBe(1);
  });

  it("that nobody read is left alone", () => {
    const { body, source } = streaming(["a"], false);
    body.stop();
    expect(source).toEqual({ opened: 0, ended: 0 });
    expect(body.atHand).toBe(true);
  });

  it("runs the caller's clean-up when it is stopped half read", async () => {
    const { body, source } = streaming(["a", "b"], true);
    await body.chunks().next();
    body.stop();
    body.stop();
    await new Promise(setImmediate);
    expect(source.ended).toBe(1);
  });

  it("ends an old reading without touching the new one", async () => {
    const { body, source } = streaming(["a", "b"], true);
    const first = body.chunks();
    await first.next();
    body.stop();
    const second = body.chunks();
    await second.next();
    expect(await first.next()).toEqual({ done: true, value: undefined });
    expect(Buffer.from((await second.next()).value as Uint8Array).toString()).toBe("b");
    expect(source.opened).toBe(2);
  });

  it.each<[string, () => Promise<IteratorResult<Uint8Array>>]>([
    ["rejects", () => Promise.reject(new Error("closed"))],
    ["ends short of its content-length", () => Promise.resolve({ done: true, value: undefined })],
    ["yields what is no bytes", () => Promise.resolve({ done: false, value: "text" as never })],
  ])("that is stopped ends, also if its source then %s", async (_, after) => {
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
    const iterator = {
      next: () => stopped.then(after),
      return: () => Promise.resolve({ done: true, value: undefined }),
    };
    const open = (): AsyncIterable<Uint8Array> => ({
      [Symbol.asyncIterator]: () => iterator as AsyncIterator<Uint8Array>,
    });
    const body = requestBody({ kind: "stream", open, replayable: true }, ["content-length", "5"]);
    const reading = body.chunks().next();
    body.stop();
    stop();
    expect(await reading).toEqual({ done: true, value: undefined });
  });

  it("fails where the caller's stream fails", async () => {
    const body = handMade({ next: () => Promise.reject(new Error("disk")) });
    await expect(read(body)).rejects.toThrow("disk");
  });

  it("fails where the caller's stream yields what is no bytes", async () => {
    const body = handMade({ next: () => Promise.resolve({ done: false, value: "text" as never }) });
    await expect(read(body)).rejects.toThrow(TypeError);
  });

  it.each([
    ["rejects", () => Promise.reject(new Error("clean-up"))],
    [
      "throws",
      (): never => {
        throw new Error("clean-up");
      },
    ],
    ["gives back nothing", () => undefined as never],
  ])("is stopped without a word where the caller's clean-up %s", async (_, clean) => {
    const body = handMade({ return: clean });
    await body.chunks().next();
    expect(() => body.stop()).not.toThrow();
    await new Promise(setImmediate);
  });
});
