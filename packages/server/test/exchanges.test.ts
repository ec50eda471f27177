import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { type FetchHandler, serve, type ServeOptions } from "../src/index.ts";
import { certificate } from "./certificates.ts";
import { muxTransport } from "./clients.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

type Transport = ReturnType<typeof muxTransport>;

interface Pair extends AsyncDisposable {
  readonly url: string;
  readonly transport: Transport;
  readonly errors: unknown[];
}

async function pair(fetch: FetchHandler, options: Partial<ServeOptions> = {}): Promise<Pair> {
  const errors: unknown[] = [];
  const server = await serve({ hostname: "127.0.0.1", fetch, onError: (error) => void errors.push(error), ...options });
  const transport = muxTransport(server.url, options.tls?.cert as string | undefined);
  return {
    url: server.url,
    transport,
    errors,
    [Symbol.asyncDispose]: async () => {
      await transport.destroy();
      await server.destroy();
    },
  };
}

async function* parts(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

describe("an exchange over WebSocket", () => {
  it("gives the handler the method, the whole URL, the fields and the body, and sends what it returns", async () => {
    await using made = await pair(async (request) => {
      const { method, url, headers } = request;
      return Response.json({ method, url, tag: headers.get("x-tag"), text: await request.text() }, { status: 201 });
    });
    const response = await made.transport.request({
      url: `${made.url}/a?b=c`,
      method: "POST",
      headers: { "x-tag": ["1", "2"] },
      body: () => parts("hel", "lo"),
    });
    expect(response.status).toBe(201);
    expect(await response.body.json()).toEqual({
      method: "POST",
      url: `${made.url}/a?b=c`,
      tag: "1, 2",
      text: "hello",
    });
  });

  it("has an https URL over TLS", async () => {
    await using made = await pair(({ url }) => new Response(url), { tls: await certificate() });
    const response = await made.transport.request({ url: `${made.url}/x` });
    expect(await response.body.text()).toBe(`${made.url}/x`);
  });

  it.each([
    ["get", 200],
    ["Head", 200],
    ["trace", 501],
    ["Track", 501],
    ["connect", 501],
    ["QUERY", 200],
  ])("of the method %s is answered %i, also with a body", async (method, status) => {
    await using made = await pair(({ url }) => new Response(url));
    for (const body of [null, "x"]) {
      const response = await made.transport.request({ url: made.url, method, body });
      await response.body.bytes();
      expect(response.status).toBe(status);
    }
    expect(made.errors).toEqual([]);
  });

  it("keeps two set-cookie fields apart and sends no field of a connection", async () => {
    await using made = await pair(
      () =>
        new Response(null, {
          status: 204,
          headers: [
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
            ["connection", "close"],
            ["keep-alive", "x"],
          ],
        }),
    );
    const { status, headers, body } = await made.transport.request({ url: made.url });
    expect([status, { ...headers }, await body.text()]).toEqual([204, { "set-cookie": ["a=1", "b=2"] }, ""]);
  });

  it("is answered 500 without a word of the error when the handler fails, and onError is told", async () => {
    await using made = await pair(() => {
      throw new Error("a secret");
    });
    const response = await made.transport.request({ url: made.url });
    expect([response.status, await response.body.text()]).toEqual([500, "the request failed\n"]);
    expect(made.errors).toEqual([new Error("a secret")]);
  });

  const unsendable: readonly (readonly [string, () => Response])[] = [
    ["an error", () => Response.error()],
    ["no last answer", () => ({ status: 101, headers: new Headers(), body: null }) as Response],
  ];
  it.each(unsendable)("is answered 500 when its answer is %s, and onError is told", async (_, fetch) => {
    await using made = await pair(fetch);
    const response = await made.transport.request({ url: made.url });
    expect([response.status, await response.body.text()]).toEqual([500, "the request failed\n"]);
    expect(made.errors).toEqual([expect.any(TypeError)]);
  });

  it("fails with LIMIT_EXCEEDED when the head of its answer is longer than the client takes, and onError is told", async () => {
    await using made = await pair(() => new Response("x", { headers: { a: "x".repeat(20_000) } }));
    await expect(made.transport.request({ url: made.url })).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    expect(made.errors).toEqual([new TypeError("the head is longer than the client takes")]);
  });

  it("fails when the body of its answer yields no bytes, and onError is told once", async () => {
    await using made = await pair(
      () =>
        new Response(new ReadableStream<unknown>({ start: (to) => to.enqueue("text") }) as ReadableStream<Uint8Array>),
    );
    const response = await made.transport.request({ url: made.url });
    await expect(response.body.text()).rejects.toMatchObject({ code: "TRUNCATED" });
    expect(made.errors).toEqual([expect.any(TypeError)]);
  });

  it("sends the head of a response whose body breaks before its first byte, and cuts it then", async () => {
    const broken = (): ReadableStream =>
      new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) });
    await using made = await pair(() => new Response(broken(), { status: 201 }));
    const { status, body } = await made.transport.request({ url: made.url });
    expect(status).toBe(201);
    await expect(body.text()).rejects.toMatchObject({ code: "TRUNCATED", delivery: "answered" });
    expect(made.errors).toEqual([new Error("broken")]);
  });

  it("fails when the response body breaks off, and onError is told why", async () => {
    await using made = await pair(
      () =>
        new Response(
          (async function* () {
            yield Buffer.from("some");
            throw new Error("broken");
          })(),
        ),
    );
    const response = await made.transport.request({ url: made.url });
    await expect(response.body.text()).rejects.toMatchObject({ delivery: "answered" });
    expect(made.errors).toEqual([new Error("broken")]);
  });

  it.each([
    ["by its length", "x".repeat(11)],
    ["as it comes", () => parts("hello ", "world")],
  ])("is answered 413 when its body is too long %s, whatever the handler makes of it", async (_, body) => {
    await using made = await pair(async (request) => new Response(await request.text().catch(() => "all is well")), {
      limits: { bodyBytes: 10 },
    });
    const response = await made.transport.request({ url: made.url, method: "POST", body });
    expect(response.status).toBe(413);
    await response.body.cancel();
  });

  it("is answered 431 when it has more fields than limits.maxFields, and no handler sees it", async () => {
    let called = 0;
    await using made = await pair(() => new Response(String(++called)), { limits: { maxFields: 20 } });
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, i) => [`x-${i}`, "1"]));
    const response = await made.transport.request({ url: made.url, headers: many });
    expect([response.status, await response.body.text()]).toEqual([431, "there are too many header fields\n"]);
    expect(called).toBe(0);
  });

  it.each(["requestMs", "bodyGapMs"] as const)(
    "is answered 408 when its body does not come within timeouts.%s: the handler is told, onError is not",
    async (limit) => {
      const { promise: stopped, resolve: stop } = Promise.withResolvers<unknown>();
      const { promise: over, resolve: end } = Promise.withResolvers<void>();
      await using made = await pair(
        async (request) => {
          request.signal.addEventListener("abort", () => stop(request.signal.reason));
          return new Response(await request.text());
        },
        { timeouts: { [limit]: 50 } },
      );
      const response = await made.transport.request({
        url: made.url,
        method: "POST",
        body: (async function* () {
          yield Buffer.from("some");
          await over;
        })(),
      });
      expect([response.status, await response.body.text()]).toEqual([408, "the request body did not come in time\n"]);
      expect(await stopped).toMatchObject({ name: "TimeoutError" });
      end();
      expect(made.errors).toEqual([]);
    },
  );

  it("is cut when its response is not taken within timeouts.bodyGapMs", async () => {
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    await using made = await pair(
      () =>
        new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(65_536)), cancel: () => cancel() })),
      { timeouts: { bodyGapMs: 50 } },
    );
    const response = await made.transport.request({ url: made.url });
    await cancelled;
    await expect(response.body.bytes()).rejects.toMatchObject({ code: "TRUNCATED", delivery: "answered" });
    expect(made.errors).toEqual([]);
  });

  it("that is answered 413 is nothing that onError is told", async () => {
    await using made = await pair(async (request) => new Response(await request.text()), { limits: { bodyBytes: 10 } });
    const post = { url: made.url, method: "POST", body: () => parts("hello ", "world") };
    const response = await made.transport.request(post);
    expect([response.status, await response.body.text()]).toEqual([413, "the request body is too long\n"]);
    expect(made.errors).toEqual([]);
  });

  it("streams both ways at the same time", async () => {
    await using made = await pair((request) => new Response(request.body));
    const { promise: more, resolve: go } = Promise.withResolvers<void>();
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from("one");
      await more;
      yield Buffer.from("two");
    }
    const response = await made.transport.request({ url: made.url, method: "POST", body: body() });
    const chunks = response.body[Symbol.asyncIterator]();
    expect(String((await chunks.next()).value && "one")).toBe("one");
    go();
    expect(Buffer.from((await chunks.next()).value as Uint8Array).toString()).toBe("two");
    expect((await chunks.next()).done).toBe(true);
  });

  it("fires the signal and stops the body when the client gives up", async () => {
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    await using made = await pair(({ signal }) => {
      signal.addEventListener("abort", () => abort());
      return new Response(new ReadableStream({ start: (to) => to.enqueue(new Uint8Array(1)), cancel: () => cancel() }));
    });
    const response = await made.transport.request({ url: made.url });
    await response.body.cancel();
    await Promise.all([aborted, cancelled]);
    expect(made.errors).toEqual([]);
  });

  it("does not tell onError of a handler that stops because its signal fired", async () => {
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: left, resolve: leave } = Promise.withResolvers<void>();
    await using made = await pair(async ({ signal }) => {
      enter();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      leave();
      signal.throwIfAborted();
      return new Response();
    });
    const stop = new AbortController();
    const response = made.transport.request({ url: made.url, signal: stop.signal });
    await entered;
    stop.abort();
    await expect(response).rejects.toMatchObject({ code: "ABORTED" });
    await left;
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(made.errors).toEqual([]);
  });

  it("fires the signal of a handler that has kept nothing else, whatever was collected meanwhile", async () => {
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: told, resolve: tell } = Promise.withResolvers<void>();
    await using made = await pair(({ signal }) => {
      enter();
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          tell();
          reject(signal.reason as Error);
        });
      });
    });
    const stop = new AbortController();
    const response = made.transport.request({ url: made.url, signal: stop.signal });
    await entered;
    for (let turns = 0; turns < 5; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    stop.abort();
    await expect(response).rejects.toMatchObject({ code: "ABORTED" });
    await told;
  });

  const uploads: readonly (readonly [string, FetchHandler])[] = [
    ["reads it", async (request) => new Response(await request.text())],
    ["sends it back", (request) => new Response(request.body)],
    [
      "wraps what it is told",
      async (request) => {
        await request.text().catch(() => {});
        throw new Error("the upstream was told", { cause: request.signal.reason });
      },
    ],
  ];
  it.each(uploads)("does not tell onError of an upload that was given up, of a handler that %s", async (_, fetch) => {
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    await using made = await pair((request) => {
      request.signal.addEventListener("abort", () => end());
      return fetch(request);
    });
    const stop = new AbortController();
    const response = made.transport.request({
      url: made.url,
      method: "POST",
      signal: stop.signal,
      body: (async function* () {
        yield Buffer.from("some");
        while (!stop.signal.aborted) {
          await new Promise((resolve) => setImmediate(resolve));
          stop.abort();
        }
        yield Buffer.from("more");
      })(),
    });
    await response
      .then(
        (early) => early.body.text(),
        () => {},
      )
      .catch(() => {});
    await over;
    for (let turns = 0; turns < 10; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(made.errors).toEqual([]);
  });

  it("cancels a response that comes when the client has left", async () => {
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    await using made = await pair(async ({ signal }) => {
      enter();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return new Response(new ReadableStream({ cancel: () => cancel() }));
    });
    const stop = new AbortController();
    const response = made.transport.request({ url: made.url, signal: stop.signal });
    await entered;
    stop.abort();
    await expect(response).rejects.toMatchObject({ code: "ABORTED" });
    await cancelled;
  });

  it("cancels a response that comes after 413", async () => {
    const { promise: refused, resolve: refuse } = Promise.withResolvers<void>();
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    await using made = await pair(
      async (request) => {
        await request.text().catch(() => {});
        await refused;
        return new Response(new ReadableStream({ cancel: () => cancel() }));
      },
      { limits: { bodyBytes: 10 } },
    );
    const post = { url: made.url, method: "POST", body: () => parts("hello ", "world") };
    const response = await made.transport.request(post);
    expect(response.status).toBe(413);
    refuse();
    await cancelled;
    await response.body.cancel();
  });

  it("makes the handler's body wait for a client that does not read", async () => {
    let pulled = 0;
    await using made = await pair(
      () =>
        new Response(
          new ReadableStream({
            pull: (to) => {
              pulled += 1;
              to.enqueue(new Uint8Array(65_536));
            },
          }),
        ),
    );
    const response = await made.transport.request({ url: made.url });
    for (let before = -1; before !== pulled;) {
      before = pulled;
      for (let turns = 0; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(pulled * 65_536).toBeLessThan(8 * 2 ** 20);
    await response.body.cancel();
  });
});
