import { failure } from "@holdfast/conformance/hostile";
import type { Transport, TransportRequest } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { websocket, type WebSocketOptions } from "../src/index.ts";
import { jsonRpc, type JsonRpcNotification, type JsonRpcOptions } from "../src/json-rpc.ts";
import { opcode, type RawSocket, rawSocketServer, wireFrame } from "./raw-socket.ts";
import { socketServer } from "./socket-server.ts";

interface Call {
  readonly jsonrpc: string;
  readonly id: number;
  readonly method: string;
  readonly params?: unknown;
}

/** A server of JSON-RPC that knows nothing of us. */
function serving(answer: (call: Call, socket: WebSocket) => unknown): (socket: WebSocket) => void {
  return (socket) =>
    socket.on("message", (data) => {
      const call = JSON.parse((data as Buffer).toString()) as Call;
      void (async () => {
        const answered = await answer(call, socket);
        if (answered !== undefined) socket.send(JSON.stringify({ jsonrpc: "2.0", id: call.id, ...answered }));
      })();
    });
}

function rpc(options: WebSocketOptions = {}, codec: JsonRpcOptions = {}): Transport {
  return websocket({ ...options, codec: jsonRpc(codec) });
}

function post(url: string, more: Partial<TransportRequest> = {}): TransportRequest {
  return { url, method: "POST", ...more };
}

describe("a call", () => {
  it("is a POST whose path is the method and whose body is the params; its result is the body", async () => {
    const calls: Call[] = [];
    await using server = await socketServer(
      serving((call) => {
        calls.push(call);
        return { result: { sum: 3, text: "é" } };
      }),
    );
    await using transport = rpc();
    const response = await transport.request(
      post(`${server.url}/math.add`, { body: "[1, 2]", headers: { "x-not-sent": "1" } }),
    );
    expect(response.status).toBe(200);
    expect(response.headers).toEqual({ "content-type": "application/json", "content-length": "21" });
    expect(Object.getPrototypeOf(response.headers)).toBeNull();
    expect(await response.body.json()).toEqual({ sum: 3, text: "é" });
    expect(await response.trailers).toEqual({});
    expect(response.connection).toMatchObject({ protocol: "websocket", reused: false, exchangeIndex: 0 });
    const second = await transport.request(post(`${server.url}/a%2Fb`, { body: '{"n":1}' }));
    await second.body.bytes();
    expect(second.connection).toMatchObject({ id: response.connection.id, reused: true, exchangeIndex: 1 });
    const third = await transport.request(post(`${server.url}/none`));
    await third.body.bytes();
    expect(calls).toEqual([
      { jsonrpc: "2.0", id: 1, method: "math.add", params: [1, 2] },
      { jsonrpc: "2.0", id: 2, method: "a/b", params: { n: 1 } },
      { jsonrpc: "2.0", id: 3, method: "none" },
    ]);
  });

  it.each([
    [-32_601, 404],
    [-32_600, 400],
    [-32_602, 400],
    [-32_700, 400],
    [-32_603, 500],
    [1, 500],
  ])("that the server answers with error %i is a response of %i with the error as body", async (code, status) => {
    const error = { code, message: "no", data: { why: "because" } };
    await using server = await socketServer(serving(() => ({ error })));
    await using transport = rpc();
    const response = await transport.request(post(`${server.url}/m`));
    expect(response.status).toBe(status);
    expect(await response.body.json()).toEqual(error);
  });

  it("may have a body that streams; it leaves when it is whole", async () => {
    await using server = await socketServer(serving(({ params }) => ({ result: params })));
    await using transport = rpc();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      for (const part of ['["', "é".repeat(3), '"]']) yield Buffer.from(part);
    };
    const response = await transport.request(post(`${server.url}/echo`, { body }));
    expect(await response.body.text()).toBe('["ééé"]');
  });

  it("runs beside others on one socket, answered in any order", async () => {
    const waiting: ((value: unknown) => void)[] = [];
    await using server = await socketServer(
      serving(async ({ params }) => {
        await new Promise((resolve) => {
          waiting.push(resolve);
          if (waiting.length === 50) for (const answer of waiting.toReversed()) answer(undefined);
        });
        return { result: params };
      }),
    );
    await using transport = rpc({ maxConnections: 1 });
    const bodies = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        const { body } = await transport.request(post(`${server.url}/echo`, { body: `[${i}]` }));
        return body.text();
      }),
    );
    expect(bodies).toEqual(Array.from({ length: 50 }, (_, i) => `[${i}]`));
    expect(transport.stats().totals.connectionsOpened).toBe(1);
  });

  it("waits for its turn above maxStreams", async () => {
    let running = 0;
    let most = 0;
    const released = Promise.withResolvers<void>();
    await using server = await socketServer(
      serving(async () => {
        most = Math.max(most, ++running);
        if (running === 3) released.resolve();
        await released.promise;
        running--;
        return { result: null };
      }),
    );
    await using transport = rpc({ maxConnections: 1, maxStreams: 3 });
    const all = Array.from({ length: 9 }, async () => {
      const { body } = await transport.request(post(`${server.url}/m`));
      await body.bytes();
    });
    await Promise.all(all);
    expect(most).toBe(3);
  });
});

describe("a request that JSON-RPC has no words for", () => {
  it.each<[string, string, Partial<TransportRequest>]>([
    ["another method than POST", "/m", { method: "GET" }],
    ["no name of a method", "/", {}],
    ["a query", "/m?a=1", {}],
    ["a name that is wrongly escaped", "/%", {}],
  ])("with %s is UNSUPPORTED, and nothing of it is sent", async (_, path, more) => {
    await using server = await socketServer(serving(({ params }) => ({ result: params })));
    await using transport = rpc();
    const error = await failure(transport.request(post(server.url + path, more)));
    expect(error).toMatchObject({ code: "UNSUPPORTED", delivery: "not-sent" });
    const { body } = await transport.request(post(`${server.url}/echo`, { body: "[1]" }));
    expect(await body.text()).toBe("[1]");
    expect(transport.stats().exchanges.inFlight).toBe(0);
  });

  it.each(["text", "1", '"a"', "null", '[1]},"method":"other","x":{"a":1}', "[1"])(
    "with the body %j is ABORTED with a TypeError, and nothing of it is sent",
    async (body) => {
      const seen: unknown[] = [];
      await using server = await socketServer(serving((call) => ({ result: seen.push(call) })));
      await using transport = rpc();
      const error = await failure(transport.request(post(`${server.url}/m`, { body })));
      expect(error).toMatchObject({ code: "ABORTED", delivery: "not-sent" });
      expect(error.cause).toBeInstanceOf(TypeError);
      const response = await transport.request(post(`${server.url}/m`));
      expect(await response.body.text()).toBe("1");
      expect(transport.stats().exchanges.inFlight).toBe(0);
    },
  );

  it("with a stream over limits.sendBufferBytes is LIMIT_EXCEEDED, and nothing of it is sent", async () => {
    await using server = await socketServer(serving(() => ({ result: 1 })));
    await using transport = rpc({ limits: { sendBufferBytes: 1_000 } });
    const body = (async function* (): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(300);
    })();
    const error = await failure(transport.request(post(`${server.url}/m`, { body })));
    expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "not-sent" });
    expect(error.message).toContain("longer than 1000 bytes (limits.sendBufferBytes)");
    expect(transport.stats().exchanges.inFlight).toBe(0);
  });

  it("with a body that fails is ABORTED", async () => {
    await using server = await socketServer(serving(() => ({ result: 1 })));
    await using transport = rpc();
    const cause = new Error("broken");
    const body = (async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("[");
      throw cause;
    })();
    expect(await failure(transport.request(post(`${server.url}/m`, { body })))).toMatchObject({
      code: "ABORTED",
      delivery: "not-sent",
      cause,
    });
  });
});

describe("what the codec cannot do", () => {
  it("is said by its capabilities, and refused before anything is dialled", async () => {
    await using server = await socketServer();
    await using transport = rpc();
    expect(transport.capabilities).toEqual({
      exchange: true,
      channel: true,
      multiplexed: true,
      duplex: false,
      requestTrailers: false,
      responseTrailers: false,
      informational: false,
      push: false,
    });
    const error = await failure(transport.request(post(`${server.url}/m`, { trailers: () => ({}) })));
    expect(error).toMatchObject({ code: "UNSUPPORTED", delivery: "not-sent" });
    expect(transport.stats().totals.connectionsOpened).toBe(0);
  });

  it("is asked for in vain: informational heads and pushes never come", async () => {
    await using server = await socketServer(serving(() => ({ result: 1 })));
    await using transport = rpc();
    const never = (): void => expect.unreachable();
    const { body } = await transport.request(post(`${server.url}/m`, { onInformational: never, onPush: never }));
    expect(await body.text()).toBe("1");
  });

  it("leaves channels as they are", async () => {
    await using server = await socketServer((socket) => socket.send("hello"));
    await using transport = rpc();
    await using channel = await transport.open({ url: server.url });
    expect(await channel[Symbol.asyncIterator]().next()).toEqual({ done: false, value: "hello" });
  });

  it.each([
    [{ subprotocols: ["a b"] }, /subprotocol/],
    [{ subprotocols: ["a", "a"] }, /twice/],
    [{ onNotification: 1 }, /^onNotification is not a function/],
    [{ unknown: 1 }, /^jsonRpc has no option "unknown"/],
  ])("is refused as an option: %j", (options, words) => {
    expect(() => jsonRpc(options as never)).toThrow(words);
  });
});

describe("a call that is given up", () => {
  it("is forgotten: its answer is dropped when it comes, the others go on", async () => {
    const asked = Promise.withResolvers<void>();
    const late = Promise.withResolvers<void>();
    await using server = await socketServer(
      serving(async ({ method }) => {
        if (method === "slow") {
          asked.resolve();
          await late.promise;
        }
        return { result: method };
      }),
    );
    await using transport = rpc();
    const controller = new AbortController();
    const slow = failure(transport.request(post(`${server.url}/slow`, { signal: controller.signal })));
    await asked.promise;
    controller.abort("enough");
    expect(await slow).toMatchObject({ code: "ABORTED", cause: "enough", delivery: "maybe-sent" });
    expect(transport.stats().exchanges.inFlight).toBe(0);
    late.resolve();
    for (const method of ["a", "b"]) {
      const { body, connection } = await transport.request(post(`${server.url}/${method}`));
      expect(await body.text()).toBe(`"${method}"`);
      expect(connection.exchangeIndex).toBeGreaterThan(0);
    }
    expect(transport.stats().totals.connectionsOpened).toBe(1);
  });

  it("before it was sent is not sent", async () => {
    const calls: string[] = [];
    await using server = await socketServer(serving(({ method }) => ({ result: calls.push(method) })));
    await using transport = rpc();
    await transport.warm(server.url);
    const controller = new AbortController();
    const begun = Promise.withResolvers<void>();
    const body = async function* (): AsyncGenerator<Uint8Array> {
      begun.resolve();
      yield Buffer.from("[");
      await new Promise(() => {});
    };
    const slow = failure(transport.request(post(`${server.url}/slow`, { body, signal: controller.signal })));
    await begun.promise;
    controller.abort();
    expect(await slow).toMatchObject({ code: "ABORTED", delivery: "not-sent" });
    const { body: answered } = await transport.request(post(`${server.url}/next`));
    await answered.bytes();
    expect(calls).toEqual(["next"]);
  });

  it("a thousand times over is forgotten in bounded memory, and late answers are still dropped", async () => {
    const ids: number[] = [];
    let done = (): void => {};
    await using server = await socketServer((socket) => {
      socket.on("message", (data) => {
        const { id, method } = JSON.parse((data as Buffer).toString()) as Call;
        if (method !== "never") return socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: method }));
        ids.push(id);
        done();
        if (ids.length === 1_200)
          for (const one of ids) socket.send(JSON.stringify({ jsonrpc: "2.0", id: one, result: 1 }));
      });
    });
    await using transport = rpc();
    for (let i = 0; i < 1_200; i++) {
      const controller = new AbortController();
      const came = new Promise<void>((resolve) => (done = resolve));
      const given = failure(transport.request(post(`${server.url}/never`, { signal: controller.signal })));
      await came;
      controller.abort();
      await given;
    }
    const { body } = await transport.request(post(`${server.url}/after`));
    expect(await body.text()).toBe('"after"');
    expect(transport.stats().totals.connectionsOpened).toBe(1);
  });
});

describe("a server that breaks JSON-RPC", () => {
  const wrong: [string, (socket: RawSocket) => Promise<void>][] = [
    ["no JSON", (socket) => socket.text("hello")],
    ["an answer to nothing", (socket) => socket.text('{"jsonrpc":"2.0","id":99,"result":1}')],
    ["an answer to null", (socket) => socket.text('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}')],
    ["an answer to 0", (socket) => socket.text('{"jsonrpc":"2.0","id":0,"result":1}')],
    ["a batch", (socket) => socket.text('[{"jsonrpc":"2.0","id":1,"result":1}]')],
    ["JSON-RPC 1.0", (socket) => socket.text('{"id":1,"result":1,"error":null}')],
    ["binary", (socket) => socket.send({ opcode: opcode.binary, payload: '{"jsonrpc":"2.0","id":1,"result":1}' })],
  ];
  it.each(wrong)("by %s ends the connection with 1002: PROTOCOL_ERROR", async (_, send) => {
    const told = Promise.withResolvers<number>();
    await using server = await rawSocketServer(async (socket) => {
      await socket.frame();
      await send(socket);
      told.resolve((await socket.closing()).code);
      socket.peer.fin();
    });
    await using transport = rpc();
    const error = await failure(transport.request(post(`${server.url}/m`)));
    expect(error).toMatchObject({ code: "PROTOCOL_ERROR", delivery: "maybe-sent" });
    expect(await told.promise).toBe(1_002);
    await server.idle();
    expect(transport.stats().connections).toMatchObject({ active: 0, idle: 0, draining: 0 });
  });

  it("by answering twice ends it for those that are under way", async () => {
    await using server = await rawSocketServer(async (socket) => {
      await socket.frame();
      await socket.text('{"jsonrpc":"2.0","id":1,"result":1}');
      await socket.frame();
      await socket.text('{"jsonrpc":"2.0","id":1,"result":1}');
      await socket.closing();
      socket.peer.fin();
    });
    await using transport = rpc();
    const { body } = await transport.request(post(`${server.url}/m`));
    await body.bytes();
    expect(await failure(transport.request(post(`${server.url}/m`)))).toMatchObject({ code: "PROTOCOL_ERROR" });
  });

  it("by a message over limits.messageBytes ends it with 1009: LIMIT_EXCEEDED", async () => {
    const told = Promise.withResolvers<number>();
    await using server = await rawSocketServer(async (socket) => {
      await socket.frame();
      await socket.text("x".repeat(2_000));
      told.resolve((await socket.closing()).code);
      socket.peer.fin();
    });
    await using transport = rpc({ limits: { messageBytes: 1_000 } });
    expect(await failure(transport.request(post(`${server.url}/m`)))).toMatchObject({
      code: "LIMIT_EXCEEDED",
      delivery: "maybe-sent",
    });
    expect(await told.promise).toBe(1_009);
  });

  it.each([
    ["FIN", (socket: RawSocket) => socket.peer.fin()],
    ["RST", (socket: RawSocket) => socket.peer.reset()],
    ["a close of 1000", (socket: RawSocket) => socket.close(1_000)],
    ["a close of 1001", (socket: RawSocket) => socket.close(1_001)],
  ])("by %s leaves what was sent as CONNECTION_LOST, maybe-sent, and the next goes elsewhere", async (_, end) => {
    await using server = await rawSocketServer(async (socket) => {
      const first = server.peers.length === 1;
      await socket.frame();
      if (first) return end(socket);
      await socket.text('{"jsonrpc":"2.0","id":1,"result":"again"}');
    });
    await using transport = rpc({ reconnect: { minMs: 0 } });
    const error = await failure(transport.request(post(`${server.url}/m`)));
    expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", replaySafe: false });
    const { body } = await transport.request(post(`${server.url}/m`));
    expect(await body.text()).toBe('"again"');
    await transport.destroy();
  });
});

describe("what a server sends unasked", () => {
  it("as a notification reaches onNotification, in order", async () => {
    const seen: JsonRpcNotification[] = [];
    await using server = await socketServer(
      serving((_, socket) => {
        for (const params of [[1], { a: 2 }, undefined])
          socket.send(JSON.stringify({ jsonrpc: "2.0", method: "tick", params }));
        return { result: 1 };
      }),
    );
    await using transport = rpc({}, { onNotification: (one) => void seen.push(one) });
    const { body } = await transport.request(post(`${server.url}/m`));
    await body.bytes();
    const { url: origin } = server;
    expect(seen).toEqual([
      { origin, method: "tick", params: [1] },
      { origin, method: "tick", params: { a: 2 } },
      { origin, method: "tick", params: undefined },
    ]);
  });

  it("as a request is answered with -32601", async () => {
    const answered = Promise.withResolvers<unknown>();
    await using server = await socketServer((socket) => {
      socket.on("message", (data) => {
        const call = JSON.parse((data as Buffer).toString()) as Call & { readonly error?: unknown };
        if (call.error !== undefined) return answered.resolve(call);
        socket.send('{"jsonrpc":"2.0","id":"s1","method":"ask"}');
        socket.send(JSON.stringify({ jsonrpc: "2.0", id: call.id, result: 1 }));
      });
    });
    await using transport = rpc();
    const { body } = await transport.request(post(`${server.url}/m`));
    await body.bytes();
    expect(await answered.promise).toMatchObject({ id: "s1", error: { code: -32_601 } });
  });

  it("as requests whose answers it does not read cuts it off", async () => {
    const asked = Buffer.concat(
      Array.from({ length: 1_000 }, () =>
        wireFrame({ opcode: opcode.text, payload: '{"jsonrpc":"2.0","id":1,"method":"ask"}' }, false),
      ),
    );
    await using server = await rawSocketServer(async (socket) => {
      await socket.frame();
      socket.peer.socket.pause();
      while (!socket.peer.socket.destroyed) await socket.peer.write(asked);
    });
    await using transport = rpc({ limits: { sendBufferBytes: 10_000 } });
    expect(await failure(transport.request(post(`${server.url}/m`)))).toMatchObject({ code: "CONNECTION_LOST" });
    await server.idle();
  });
});

describe("a server that does not read", () => {
  it("holds calls back: they are not sent, and go elsewhere when it is lost", async () => {
    const stalled = Promise.withResolvers<RawSocket>();
    await using server = await rawSocketServer(async (socket) => {
      if (server.peers.length === 1) {
        socket.peer.socket.pause();
        return stalled.resolve(socket);
      }
      for (;;) {
        const { opcode: kind, payload } = await socket.frame();
        if (kind === opcode.close) return;
        const { id, method } = JSON.parse(String(payload)) as Call;
        await socket.text(JSON.stringify({ jsonrpc: "2.0", id, result: method }));
      }
    });
    await using transport = rpc({ maxConnections: 1, limits: { sendBufferBytes: 10_000 }, reconnect: { minMs: 0 } });
    const body = JSON.stringify(["x".repeat(500_000)]);
    const calls = Array.from({ length: 40 }, (_, i) =>
      transport.request(post(`${server.url}/m${i}`, { body })).then(
        async (response) => [await response.body.text()],
        (error: unknown) => error as { readonly code: string; readonly delivery: string },
      ),
    );
    (await stalled.promise).peer.reset();
    const outcomes = await Promise.all(calls);
    const lost = outcomes.filter((one) => !Array.isArray(one));
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThan(40);
    for (const error of lost) expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent" });
    for (const [i, one] of outcomes.entries()) if (Array.isArray(one)) expect(one).toEqual([`"m${i}"`]);
  });
});

describe("the upgrade", () => {
  it("offers the codec's sub-protocols and the options' path and fields", async () => {
    const asked: (string | undefined)[] = [];
    await using server = await socketServer(
      (socket, request) => {
        asked.push(request.url, request.headers.authorization, socket.protocol);
        serving(() => ({ result: 1 }))(socket);
      },
      { handleProtocols: () => "rpc.v1" },
    );
    await using transport = rpc(
      { path: "/rpc?x=1", headers: { authorization: "Bearer t" } },
      { subprotocols: ["rpc.v2", "rpc.v1"] },
    );
    const { body } = await transport.request(post(`${server.url}/m`));
    await body.bytes();
    expect(asked).toEqual(["/rpc?x=1", "Bearer t", "rpc.v1"]);
  });
});

it("close() waits for the calls that are under way", async () => {
  const asked = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  await using server = await socketServer(
    serving(async () => {
      asked.resolve();
      await released.promise;
      return { result: 1 };
    }),
  );
  const transport = rpc();
  const call = transport.request(post(`${server.url}/m`));
  await asked.promise;
  const closed = transport.close();
  released.resolve();
  const { body } = await call;
  expect(await body.text()).toBe("1");
  await closed;
  await server.idle();
});
