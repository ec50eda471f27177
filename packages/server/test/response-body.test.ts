import { describe, expect, it } from "vitest";
import { type FetchHandler, serve, type ServeOptions } from "../src/index.ts";
import { certificate } from "./certificates.ts";
import { ask, type Client, http1Client, http2Client, textOf } from "./clients.ts";

const tls = await certificate();

const ways: readonly (readonly [name: string, secure: boolean, client: typeof http1Client])[] = [
  ["HTTP/1.1", false, http1Client],
  ["HTTP/1.1 over TLS", true, http1Client],
  ["h2c", false, http2Client],
  ["h2 over TLS", true, http2Client],
];

describe.each(ways)("serve over %s", (_, secure, connect) => {
  /** A client of a server that ends with it. */
  async function pair(
    fetch: FetchHandler,
    options: Omit<ServeOptions, "fetch">,
  ): Promise<AsyncDisposable & { readonly client: Client }> {
    const server = await serve({ hostname: "127.0.0.1", ...(secure && { tls }), fetch, ...options });
    const client = connect(server.url, secure ? tls.cert : undefined);
    return {
      client,
      [Symbol.asyncDispose]: async () => {
        await client[Symbol.asyncDispose]();
        await server.destroy();
      },
    };
  }

  it.each([
    ["before its first byte", 0],
    ["behind some", 5],
    ["behind more than the connection takes at once", 2 ** 24],
  ])("cuts a response whose body breaks without a reason, %s, and tells onError", async (_, bytes) => {
    for (const reason of [undefined, null, "a word"]) {
      let left = bytes === 0 ? 0 : 1;
      const broken = (): ReadableStream =>
        new ReadableStream({
          pull: (controller) => (left-- > 0 ? controller.enqueue(new Uint8Array(bytes)) : controller.error(reason)),
        });
      const { promise: told, resolve: tell } = Promise.withResolvers<unknown>();
      await using made = await pair(() => new Response(broken()), { onError: tell });
      const { out, answer } = made.client.open({});
      out.end();
      const { status, body } = await answer;
      expect(status).toBe(200);
      await expect(textOf(body)).rejects.toBeInstanceOf(Error);
      expect(await told).toEqual(reason ?? new Error("the response body broke without a reason"));
    }
  });

  it("sends the head of a response whose content-length is not its body's, cuts it there, and tells onError", async () => {
    for (const length of ["3", "30"]) {
      const { promise: told, resolve: tell } = Promise.withResolvers<unknown>();
      const response = (): Response => new Response("hello", { headers: { "content-length": length } });
      await using made = await pair(response, { onError: tell });
      const { out, answer } = made.client.open({});
      out.end();
      const { status, headers, body } = await answer;
      expect([status, headers["content-length"]]).toEqual([200, length]);
      const [, error] = await Promise.all([expect(textOf(body)).rejects.toBeInstanceOf(Error), told]);
      expect(String(error)).toMatch(/content-length/);
    }
  });

  it("ends a response whose last chunk is more than the connection takes at once", async () => {
    const chunk = new Uint8Array(2 ** 24);
    const body = (): ReadableStream =>
      new ReadableStream({ start: (controller) => (controller.enqueue(chunk), controller.close()) });
    const errors: unknown[] = [];
    await using made = await pair(() => new Response(body()), { onError: (error) => void errors.push(error) });
    expect((await ask(made.client, {})).text).toHaveLength(chunk.byteLength);
    expect(errors).toEqual([]);
  });
});
