import { memory, type MemoryRequest } from "@holdfast/memory";
import type { TransportError } from "@holdfast/transport";
import { describe, expect, it } from "vitest";

const url = "http://a.example/path?q=1";

function failure(promise: Promise<unknown>): Promise<TransportError> {
  return promise.then(
    () => expect.unreachable(),
    (error: TransportError) => error,
  );
}

describe("the handler of memory()", () => {
  it("gets the request as it was sent", async () => {
    let seen: MemoryRequest | undefined;
    await using transport = memory((request) => {
      seen = request;
      return {};
    });
    await (await transport.request({ url, method: "PUT", headers: { "X-A": "1" } })).body.cancel();
    expect(seen?.method).toBe("PUT");
    expect(seen?.url.href).toBe(url);
    expect(seen?.headers["x-a"]).toBe("1");
  });

  it("that throws before it answers resets the exchange", async () => {
    const cause = new Error("boom");
    await using transport = memory(() => {
      throw cause;
    });
    expect(await failure(transport.request({ url }))).toMatchObject({
      code: "STREAM_RESET",
      delivery: "maybe-sent",
      phase: "head",
      cause,
    });
  });

  it.each([
    undefined,
    null,
    { status: 99 },
    { status: 101 },
    { status: 2.5 },
    { headers: { "x\n": "1" } },
    { body: 7 },
  ])("that answers %o breaks the protocol", async (answer) => {
    await using transport = memory(() => answer as never);
    expect(await failure(transport.request({ url }))).toMatchObject({
      code: "PROTOCOL_ERROR",
      cause: expect.any(TypeError),
    });
  });

  it("that yields something other than bytes truncates the body", async () => {
    await using transport = memory(() => ({ body: ReadableStream.from(["text"]) as never }));
    const { body } = await transport.request({ url });
    expect(await failure(body.text())).toMatchObject({ code: "TRUNCATED", cause: expect.any(TypeError) });
  });

  it("has its response body returned when the caller gives it up", async () => {
    const returned = Promise.withResolvers<void>();
    await using transport = memory(() => ({
      body: (async function* () {
        try {
          for (;;) yield new Uint8Array(65_536);
        } finally {
          returned.resolve();
        }
      })(),
    }));
    const { body } = await transport.request({ url });
    for await (const _ of body) break;
    await returned.promise;
  });

  it("sees no signal when all went well, and the reason when it did not", async () => {
    const signals: AbortSignal[] = [];
    await using transport = memory(({ signal }) => {
      signals.push(signal);
      return { body: new Uint8Array(200_000) };
    });
    await (await transport.request({ url })).body.bytes();
    const reason = new Error("enough");
    await (await transport.request({ url })).body.cancel(reason);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    expect(signals[1]?.reason).toBe(reason);
  });

  it("may stop reading the request body and still answer", async () => {
    await using transport = memory(
      async ({ body }) => {
        for await (const _ of body) break;
        return { body: "enough" };
      },
      { timeouts: { bodyGapMs: 60_000 } },
    );
    const body = ReadableStream.from([new Uint8Array(1), new Uint8Array(1)]) as unknown as ReadableStream<Uint8Array>;
    expect(await (await transport.request({ url, method: "POST", body })).body.text()).toBe("enough");
  });

  it("cannot read a request body twice", async () => {
    await using transport = memory(async ({ body }) => {
      for await (const _ of body);
      for await (const _ of body);
      return {};
    });
    for (const body of ["text", () => ReadableStream.from([new Uint8Array(1)])]) {
      const error = await failure(transport.request({ url, method: "POST", body: body as string }));
      expect(error).toMatchObject({ code: "STREAM_RESET", cause: expect.any(TypeError) });
    }
  });
});

describe("fields", () => {
  const many = { "set-cookie": Array.from({ length: 129 }, (_, n) => `c=${n}`) };
  const limit = { code: "LIMIT_EXCEEDED", delivery: "maybe-sent" };

  it("are 128 lines in a head at most, or limits.maxFields", async () => {
    await using strict = memory(() => ({ headers: many }));
    const error = await failure(strict.request({ url }));
    expect(error).toMatchObject(limit);
    expect(error.message).toContain("a head of more than 128 fields (limits.maxFields)");
    await using lax = memory(() => ({ headers: many }), { limits: { maxFields: 129 } });
    const { headers, body } = await lax.request({ url });
    await body.cancel();
    expect(headers["set-cookie"]).toHaveLength(129);
  });

  it("are no more in an interim head", async () => {
    await using transport = memory(({ informational }) => {
      informational(103, many);
      return {};
    });
    expect(await failure(transport.request({ url }))).toMatchObject(limit);
  });

  it("are no more in trailers, which fail the body", async () => {
    await using transport = memory(() => ({ body: "all of it", trailers: () => many }));
    const { body, trailers } = await transport.request({ url });
    expect(await failure(body.text())).toMatchObject({ code: "LIMIT_EXCEEDED", phase: "body", delivery: "answered" });
    expect(await failure(trailers)).toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(transport.stats().exchanges.inFlight).toBe(0);
  });
});

describe("memory()", () => {
  it("refuses options that it does not have, by name", () => {
    expect(() => memory(() => ({}), { maxStream: 1 } as never)).toThrow(
      new TypeError("memory() has no option maxStream"),
    );
    expect(() => memory(() => ({}), { limits: { headBytes: 1 } } as never)).toThrow("limits.headBytes");
    expect(() => memory(() => ({}), { maxStreams: 0 })).toThrow("maxStreams");
    expect(() => memory("handler" as never)).toThrow(TypeError);
  });

  it("keeps apart what goes to different origins", async () => {
    const gate = Promise.withResolvers<object>();
    await using transport = memory(({ url }) => (url.host === "a.example" ? gate.promise : {}), {
      maxStreams: 1,
      maxQueued: 0,
    });
    const held = transport.request({ url });
    const other = await transport.request({ url: "https://b.example:8443/" });
    await other.body.bytes();
    expect(Object.keys(transport.stats().origins)).toEqual(["http://a.example", "https://b.example:8443"]);
    expect(transport.stats().connections).toEqual({ connecting: 0, active: 1, idle: 1, draining: 0 });
    gate.resolve({});
    await (await held).body.bytes();
  });

  it("forgets idle origins when it has seen very many", async () => {
    await using transport = memory(() => ({}));
    for (let host = 0; host < 1_001; host++)
      await (await transport.request({ url: `http://h${host}.example/` })).body.bytes();
    expect(Object.keys(transport.stats().origins)).toEqual(["http://h1000.example"]);
  });
});
