import { once } from "node:events";
import { beforeAll, describe, expect, it } from "vitest";
import { type FetchHandler, serve, type ServeOptions, type Server } from "../src/index.ts";
import { type Certificate, certificate } from "./certificates.ts";
import { ask, type Client, http1Client, http2Client, textOf } from "./clients.ts";

let made: Certificate;
beforeAll(async () => {
  made = await certificate();
});

/** A server with a client of it, both ended at the end of the test. */
interface Pair extends AsyncDisposable {
  readonly server: Server;
  readonly client: Client;
}

const ways: readonly (readonly [name: string, secure: boolean, client: typeof http1Client])[] = [
  ["HTTP/1.1", false, http1Client],
  ["HTTP/1.1 over TLS", true, http1Client],
  ["h2c", false, http2Client],
  ["h2 over TLS", true, http2Client],
];

describe.each(ways)("serve over %s", (_, secure, connect) => {
  async function pair(fetch: FetchHandler, options: Omit<ServeOptions, "fetch"> = {}): Promise<Pair> {
    const tls = secure ? { tls: { key: made.key, cert: made.cert } } : {};
    const server = await serve({ hostname: "127.0.0.1", ...tls, fetch, ...options });
    const client = connect(server.url, secure ? made.cert : undefined);
    return {
      server,
      client,
      [Symbol.asyncDispose]: async () => {
        await client[Symbol.asyncDispose]();
        await server.destroy();
      },
    };
  }

  it("gives the handler the method, the whole URL, the fields and the body, and sends what it returns", async () => {
    await using made = await pair(async (request) => {
      const text = await request.text();
      return Response.json(
        { method: request.method, url: request.url, tag: request.headers.get("x-tag"), text },
        { status: 201 },
      );
    });
    const { status, text } = await ask(made.client, {
      path: "/a?b=c",
      method: "POST",
      headers: { "x-tag": "1" },
      body: "hello",
    });
    expect(status).toBe(201);
    expect(JSON.parse(text)).toEqual({ method: "POST", url: `${made.server.url}/a?b=c`, tag: "1", text: "hello" });
  });

  it("keeps two set-cookie fields apart", async () => {
    await using made = await pair(
      () =>
        new Response("", {
          headers: [
            ["set-cookie", "a=1"],
            ["set-cookie", "b=2"],
          ],
        }),
    );
    const { headers } = await ask(made.client, {});
    expect(headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  });

  it("sends fields that speak of a connection to nobody", async () => {
    await using made = await pair(
      () =>
        new Response("x", {
          headers: {
            ...{ "keep-alive": "timeout=999", "transfer-encoding": "chunked", upgrade: "h9", trailer: "z" },
            ...{ te: "gzip", "http2-settings": "x", expect: "100-continue" },
          },
        }),
    );
    const { status, headers, text } = await ask(made.client, {});
    expect([status, text]).toEqual([200, "x"]);
    expect(headers["keep-alive"]).not.toBe("timeout=999");
    for (const name of ["upgrade", "trailer", "te", "http2-settings", "expect"]) expect(headers[name]).toBeUndefined();
  });

  it.each([204, 304])("sends a %i without a body, and the next answer whole", async (status) => {
    await using made = await pair(({ url }) =>
      url.endsWith("/next") ? new Response("next") : new Response(null, { status }),
    );
    expect(await ask(made.client, {})).toMatchObject({ status, text: "" });
    expect(await ask(made.client, { path: "/next" })).toMatchObject({ status: 200, text: "next" });
  });

  it("answers HEAD with the fields of GET and lets go of the body", async () => {
    let cancelled = false;
    const endless = (): ReadableStream =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(8)),
        cancel: () => void (cancelled = true),
      });
    await using made = await pair(() => new Response(endless(), { headers: { "x-kind": "endless" } }));
    const { status, headers, text } = await ask(made.client, { method: "HEAD" });
    expect([status, headers["x-kind"], text]).toEqual([200, "endless", ""]);
    expect(cancelled).toBe(true);
  });

  it("answers 500 without a word of the error when the handler throws, rejects or returns nothing, and tells onError", async () => {
    const errors: unknown[] = [];
    const handler = (({ url }) => {
      if (url.endsWith("/throw")) throw new Error("a secret");
      return url.endsWith("/reject") ? Promise.reject(new Error("a secret")) : undefined;
    }) as FetchHandler;
    await using made = await pair(handler, { onError: (error) => void errors.push(error) });
    for (const path of ["/throw", "/reject", "/nothing"]) {
      expect(await ask(made.client, { path })).toMatchObject({ status: 500, text: "the request failed\n" });
    }
    expect(errors).toHaveLength(3);
  });

  it("sends what onError returns", async () => {
    await using made = await pair(
      () => {
        throw new Error("down");
      },
      { onError: () => new Response("sorry", { status: 503 }) },
    );
    expect(await ask(made.client, {})).toMatchObject({ status: 503, text: "sorry" });
  });

  it("never lets a body that breaks off pass for a whole one, and tells onError why", async () => {
    const errors: unknown[] = [];
    await using made = await pair(
      () =>
        new Response(
          (async function* () {
            yield new Uint8Array(5);
            throw new Error("broken");
          })(),
        ),
      { onError: (error) => void errors.push(error) },
    );
    const { out, answer } = made.client.open({});
    out.end();
    const { status, body } = await answer;
    expect(status).toBe(200);
    await expect(textOf(body)).rejects.toBeInstanceOf(Error);
    expect(errors).toEqual([new Error("broken")]);
  });

  it("sends the head of a response whose body breaks before its first byte, and cuts it then", async () => {
    const broken = (): ReadableStream =>
      new ReadableStream({ pull: (controller) => controller.error(new Error("broken")) });
    const errors: unknown[] = [];
    await using made = await pair(() => new Response(broken(), { status: 201 }), {
      onError: (error) => void errors.push(error),
    });
    const { out, answer } = made.client.open({});
    out.end();
    const { status, body } = await answer;
    expect(status).toBe(201);
    await expect(textOf(body)).rejects.toBeInstanceOf(Error);
    expect(errors).toEqual([new Error("broken")]);
  });

  it("sends the head of a response whose body has nothing to say yet", async () => {
    let stream: ReadableStreamDefaultController | undefined;
    const silent = new ReadableStream({ start: (controller) => void (stream = controller) });
    await using made = await pair(() => new Response(silent, { headers: { "content-type": "text/event-stream" } }));
    const { out, answer } = made.client.open({});
    out.end();
    const { status, body } = await answer;
    expect(status).toBe(200);
    stream?.enqueue(Buffer.from("data: late\n\n"));
    stream?.close();
    expect(await textOf(body)).toBe("data: late\n\n");
  });

  it("sends the response while the request is still being sent", async () => {
    await using made = await pair((request) => new Response(request.body));
    const { out, answer } = made.client.open({ method: "POST", path: "/echo" });
    out.write("one");
    const { body } = await answer;
    const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    expect((await chunks.next()).value.toString()).toBe("one");
    out.write("two");
    expect((await chunks.next()).value.toString()).toBe("two");
    out.end();
    expect((await chunks.next()).done).toBe(true);
  });

  it("makes the handler's body wait for a client that does not read", async () => {
    let pulled = 0;
    let cancelled: (value: unknown) => void = () => {};
    const gone = new Promise((resolve) => (cancelled = resolve));
    const chunk = new Uint8Array(65_536);
    await using made = await pair(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => {
              pulled += 1;
              controller.enqueue(chunk);
            },
            cancel: cancelled,
          }),
        ),
    );
    const { out, answer, abort } = made.client.open({});
    out.end();
    const { body } = await answer;
    body.pause();
    // What the kernel and the windows take is some megabytes; then it stands still.
    for (let before = -1; before !== pulled;) {
      before = pulled;
      await settled();
    }
    expect(pulled * chunk.byteLength).toBeLessThan(64 * 2 ** 20);
    abort();
    await gone;
  });

  it("makes a client wait for a handler that does not read", async () => {
    const { promise: reading, resolve: read } = Promise.withResolvers<void>();
    await using made = await pair(
      async (request) => {
        await reading;
        let bytes = 0;
        for await (const part of request.body!) bytes += part.byteLength;
        return new Response(String(bytes));
      },
      { limits: { bodyBytes: Infinity } },
    );
    const { out, answer } = made.client.open({ method: "POST" });
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    const most = 512;
    const stalled = (async () => {
      for (; sent < most; sent++) if (!out.write(chunk)) await once(out, "drain");
      out.end();
    })();
    for (let before = -1; before !== sent;) {
      before = sent;
      await settled();
    }
    expect(sent).toBeLessThan(most);
    read();
    await stalled;
    expect(await textOf((await answer).body)).toBe(String(most * chunk.byteLength));
  });

  it("fires the signal of a request whose client goes away before the answer", async () => {
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    const errors: unknown[] = [];
    await using made = await pair(
      async ({ signal }) => {
        signal.addEventListener("abort", () => abort());
        enter();
        await aborted;
        signal.throwIfAborted();
        return new Response("too late");
      },
      { onError: (error) => void errors.push(error) },
    );
    const asking = made.client.open({});
    asking.out.end();
    await entered;
    asking.abort();
    await aborted;
    await settled();
    expect(errors).toEqual([]);
  });

  it("fires the signal, and stops the body, of a request whose client goes away inside the answer", async () => {
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    const { promise: cancelled, resolve: cancel } = Promise.withResolvers<void>();
    await using made = await pair(({ signal }) => {
      signal.addEventListener("abort", () => abort());
      return new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)), cancel }));
    });
    const asking = made.client.open({});
    asking.out.end();
    await once((await asking.answer).body, "data");
    asking.abort();
    await Promise.all([aborted, cancelled]);
  });

  it("fails the reading of a request body whose client goes away inside it", async () => {
    const { promise: read, resolve: enter } = Promise.withResolvers<void>();
    const { promise: failed, resolve: fail } = Promise.withResolvers<unknown>();
    await using made = await pair(async (request) => {
      const reader = request.body!.getReader();
      await reader.read();
      enter();
      for (;;) {
        const { done } = await reader.read().catch((error: unknown) => {
          fail(error);
          throw error;
        });
        if (done) {
          fail(undefined);
          return new Response();
        }
      }
    });
    const asking = made.client.open({ method: "POST" });
    asking.out.write("some");
    await read;
    asking.abort();
    expect(await failed).toBeInstanceOf(Error);
  });

  it("answers a handler that does not read the body, and serves the client on", async () => {
    await using made = await pair(({ url }) => new Response(url.endsWith("/next") ? "next" : "unread"));
    const asked = made.client.open({ method: "POST" });
    asked.out.on("error", () => {});
    asked.out.end(Buffer.alloc(200_000));
    expect(await textOf((await asked.answer).body)).toBe("unread");
    expect(await ask(made.client, { path: "/next" })).toMatchObject({ text: "next" });
  });

  it("answers a handler that cancels the body, and serves the client on", async () => {
    await using made = await pair(async ({ url, body }) => {
      await body?.cancel();
      return new Response(url.endsWith("/next") ? "next" : "cancelled");
    });
    const asked = made.client.open({ method: "POST" });
    asked.out.on("error", () => {});
    asked.out.end(Buffer.alloc(200_000));
    expect(await textOf((await asked.answer).body)).toBe("cancelled");
    expect(await ask(made.client, { path: "/next" })).toMatchObject({ text: "next" });
  });

  it("answers a handler that reads the beginning of an endless body", async () => {
    await using made = await pair(async ({ body }) => {
      const { value } = await body!.getReader().read();
      return new Response(`read ${value!.byteLength > 0}`);
    });
    const asked = made.client.open({ method: "POST" });
    let stopped = false;
    asked.out.on("error", () => (stopped = true)).on("close", () => (stopped = true));
    const more = (): void => {
      if (stopped) return;
      if (asked.out.write(Buffer.alloc(16_384))) setImmediate(more);
      else asked.out.once("drain", more);
    };
    more();
    expect(await textOf((await asked.answer).body)).toBe("read true");
    if (!stopped) await once(asked.out, "close");
  });
});

/** Long enough for whatever can move to have moved: a round through the loop that also passed the kernel many times. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 200; turns++) await new Promise((resolve) => setImmediate(resolve));
}
