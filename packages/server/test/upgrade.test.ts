import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { serve, type ServeOptions, type Server } from "../src/index.ts";
import { raw } from "./raw.ts";

const key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

function serving(options: Partial<ServeOptions> = {}): Promise<Server> {
  return serve({ hostname: "127.0.0.1", fetch: () => new Response("fetched"), ...options });
}

/** The first line of the answer to an upgrade with these fields. */
async function answerTo(fields: string, options: Partial<ServeOptions> = {}): Promise<string> {
  await using server = await serving({ channel: (channel) => void channel.close(), ...options });
  using connection = await raw(server.port);
  connection.send(
    `GET / HTTP/1.1\r\nHost: a.example:${server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}${fields}\r\n`,
  );
  return (await connection.until(/\r\n/)).split("\r\n")[0]!;
}

describe("origins of upgrades", () => {
  it.each([
    ["none, which no browser sends", "", {}, 101],
    ["one that was named", "Origin: https://app.example\r\n", { origins: ["https://app.example"] }, 101],
    ["any, where that was said", "Origin: https://evil.example\r\n", { origins: "any" as const }, 101],
    ["another", "Origin: https://evil.example\r\n", {}, 403],
    [
      "another than those that were named",
      "Origin: https://evil.example\r\n",
      { origins: ["https://app.example"] },
      403,
    ],
    ["null, as from a sandboxed page", "Origin: null\r\n", {}, 403],
    ["one that begins with the host", "Origin: http://a.example.evil.example\r\n", {}, 403],
    ["the host with another port", "Origin: http://a.example:1\r\n", {}, 403],
  ])("%s", async (_, fields, options, status) => {
    expect(await answerTo(fields, options)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  it("the page's own host", async () => {
    await using server = await serving({ channel: (channel) => channel.send("hello") });
    const socket = new WebSocket(server.url, { origin: server.url });
    const [message] = await once(socket, "message");
    expect(String(message)).toBe("hello");
    socket.terminate();
  });
});

describe("sub-protocols of upgrades", () => {
  it("are refused with 400 when nobody speaks them", async () => {
    expect(await answerTo("Sec-WebSocket-Protocol: chat.v9\r\n", { subprotocols: ["chat.v1"] })).toMatch(/ 400 /);
    expect(await answerTo("Sec-WebSocket-Protocol: chat.v9\r\n")).toMatch(/ 400 /);
  });

  it("are required where only exchanges are served", async () => {
    await using server = await serving();
    using connection = await raw(server.port);
    connection.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`);
    const text = await connection.closed();
    expect(text).toMatch(/^HTTP\/1.1 400 /);
    expect(text).toContain("holdfast.mux.v1");
  });

  it("the first that both speak is chosen", async () => {
    await using server = await serving({ subprotocols: ["b", "c"], channel: () => {} });
    const socket = new WebSocket(server.url, ["a", "c", "b"]);
    await once(socket, "open");
    expect(socket.protocol).toBe("c");
    socket.terminate();
  });
});

describe("other upgrades", () => {
  it("to another protocol are requests like any", async () => {
    await using server = await serving();
    using connection = await raw(server.port);
    connection.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    expect(await connection.until(/\n\w+\r\n|fetched/)).toMatch(/^HTTP\/1.1 200 [^]*fetched/);
  });

  it("without WebSocket among the protocols are requests like any", async () => {
    await using server = await serving({ protocols: ["http/1.1", "h2"] });
    using connection = await raw(server.port);
    connection.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`);
    expect(await connection.until(/fetched/)).toMatch(/^HTTP\/1.1 200 /);
  });

  it("with two hosts, or another version, are refused", async () => {
    expect(await answerTo("Host: b.example\r\n")).toMatch(/ 400 /);
    expect(await answerTo("Sec-WebSocket-Version: 7\r\n")).toMatch(/ 400 /);
  });
});

describe("authorize", () => {
  it("refuses with the response that it returns, before any 101", async () => {
    const authorize = ({ headers }: Request): Response | undefined =>
      headers.get("authorization") === "yes"
        ? undefined
        : new Response("who?", { status: 401, headers: { "www-authenticate": "Basic" } });
    await using server = await serving({ authorize, channel: (channel) => channel.send("in") });
    const out = new WebSocket(server.url);
    const [, response] = await once(out, "unexpected-response");
    expect([response.statusCode, response.headers["www-authenticate"]]).toEqual([401, "Basic"]);
    response.destroy();
    const inside = new WebSocket(server.url, { headers: { authorization: "yes" } });
    const [message] = await once(inside, "message");
    expect(String(message)).toBe("in");
    inside.terminate();
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("a secret");
      },
    ],
    [
      "returns a response whose body breaks off",
      () =>
        new Response(
          (async function* () {
            yield await Promise.reject(new Error("a secret"));
          })(),
        ),
    ],
  ])("that %s refuses with 500, says nothing of the error, and onError is told", async (_, authorize) => {
    const errors: unknown[] = [];
    await using server = await serving({ authorize, channel: () => {}, onError: (error) => void errors.push(error) });
    using connection = await raw(server.port);
    connection.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`);
    const text = await connection.closed();
    expect(text).toMatch(/^HTTP\/1.1 500 /);
    expect(text).not.toContain("secret");
    expect(errors).toEqual([new Error("a secret")]);
  });

  it("that returns a response which cannot be sent refuses with 500, and onError is told", async () => {
    const errors: unknown[] = [];
    const options = { authorize: () => Response.error(), onError: (error: unknown) => void errors.push(error) };
    expect(await answerTo("", options)).toMatch(/^HTTP\/1.1 500 /);
    expect(errors).toEqual([expect.any(TypeError)]);
  });

  it("that a client does not wait for leaves nothing behind", async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    let channels = 0;
    await using server = await serving({
      authorize: async () => {
        ask();
        await held;
      },
      channel: () => void (channels += 1),
    });
    const socket = new WebSocket(server.url);
    socket.on("error", () => {});
    await asked;
    socket.terminate();
    const drained = server.drain();
    release();
    await drained;
    expect(channels).toBe(0);
  });
});
