import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  authority,
  certificate,
  type Certificate,
  failure,
  ok,
  type RawPeer,
  type RawRequest,
  rawServer,
} from "@holdfast/conformance/hostile";
import { type ChannelRequest, isTransportError, type Transport, type TransportError } from "@holdfast/transport";
import { beforeAll, describe, expect, it } from "vitest";
import { websocket, type WebSocketOptions } from "../src/index.ts";
import { acceptKey, allOf, closePayload, opcode, rawSocketServer, switching, wireFrame } from "./raw-socket.ts";

let ca: Certificate;
let good: Certificate;
let client: Certificate;

beforeAll(() => {
  ca = authority();
  good = certificate({ dns: ["localhost", "a.example"], ip: ["127.0.0.1"] }, ca);
  client = certificate({ dns: ["client"] }, ca);
});

/** Both ways to need a socket. */
const ways: readonly (readonly [string, (transport: Transport, url: string) => Promise<unknown>])[] = [
  ["a channel", (transport, url) => transport.open({ url })],
  ["an exchange", (transport, url) => transport.request({ url, method: "POST" })],
];

/** How a channel, and an exchange, fail with such a peer; they leave no connection. */
async function failuresWith(
  script: (peer: RawPeer) => Promise<void> | void,
  options: WebSocketOptions = {},
): Promise<TransportError[]> {
  const errors: TransportError[] = [];
  for (const [, ask] of ways) {
    await using server = await rawServer(script);
    await using transport = websocket(options);
    const error = await failure(ask(transport, server.url));
    expect(error).toMatchObject({ delivery: "not-sent", protocol: "websocket", origin: server.url });
    await server.idle();
    expect(server.peers).toHaveLength(1);
    const { connections, totals } = transport.stats();
    expect(connections).toEqual({ connecting: 0, active: 0, idle: 0, draining: 0 });
    expect(totals).toMatchObject({ connectionsOpened: 0, dialsFailed: 1 });
    errors.push(error);
  }
  return errors;
}

/** Answers an upgrade as told. */
function answering(answer: string | ((request: Omit<RawRequest, "body">) => string)): (peer: RawPeer) => Promise<void> {
  return async (peer) => {
    const request = await peer.head();
    await peer.write(typeof answer === "string" ? answer : answer(request));
  };
}

describe("an upgrade that gets no answer", () => {
  it("is given up by the clock when the peer says nothing", async () => {
    for (const error of await failuresWith(() => {}, { timeouts: { connectMs: 150 } })) {
      expect(error).toMatchObject({ code: "CONNECT_TIMEOUT", phase: "secure" });
      expect(error.message).toContain("within 150 ms (timeouts.connectMs)");
    }
  });

  it("is given up by the clock when the peer sends a byte from time to time", async () => {
    const trickle = async (peer: RawPeer): Promise<void> => {
      await peer.write("HTTP/1.1 101 Switching Protocols\r\nx-long: ");
      const timer = setInterval(() => void peer.write("x"), 20);
      await peer.closed;
      clearInterval(timer);
    };
    for (const error of await failuresWith(trickle, { timeouts: { connectMs: 200 } })) {
      expect(error).toMatchObject({ code: "CONNECT_TIMEOUT" });
    }
  });

  it("is given up by the clock when the peer sends interim heads for ever", async () => {
    const chatter = async (peer: RawPeer): Promise<void> => {
      await peer.head();
      const timer = setInterval(() => void peer.write("HTTP/1.1 102 Processing\r\n\r\n"), 20);
      await peer.closed;
      clearInterval(timer);
    };
    for (const error of await failuresWith(chatter, { timeouts: { connectMs: 200 } })) {
      expect(error).toMatchObject({ code: "CONNECT_TIMEOUT" });
    }
  });

  it.each([
    ["FIN", (peer: RawPeer) => peer.fin()],
    ["RST", (peer: RawPeer) => peer.reset()],
  ])("fails with CONNECT_FAILED when the peer ends with %s", async (_, end) => {
    const script = async (peer: RawPeer): Promise<void> => {
      await peer.head();
      end(peer);
    };
    for (const error of await failuresWith(script)) expect(error).toMatchObject({ code: "CONNECT_FAILED" });
  });

  it("fails with CONNECT_FAILED where nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { readonly port: number };
    server.close();
    await once(server, "close");
    await using transport = websocket();
    for (const [, ask] of ways) {
      const error = await failure(ask(transport, `http://127.0.0.1:${port}`));
      expect(error).toMatchObject({ code: "CONNECT_FAILED", phase: "connect", delivery: "not-sent" });
    }
  });
});

describe("an upgrade that is declined", () => {
  it.each([
    [200, "NEGOTIATION_FAILED"],
    [301, "NEGOTIATION_FAILED"],
    [400, "NEGOTIATION_FAILED"],
    [401, "NEGOTIATION_FAILED"],
    [403, "NEGOTIATION_FAILED"],
    [404, "NEGOTIATION_FAILED"],
    [426, "NEGOTIATION_FAILED"],
    [500, "NEGOTIATION_FAILED"],
    [429, "CONNECT_FAILED"],
    [502, "CONNECT_FAILED"],
    [503, "CONNECT_FAILED"],
    [504, "CONNECT_FAILED"],
  ])("with %i fails with %s and says so", async (status, code) => {
    const answer = `HTTP/1.1 ${status} So\r\nretry-after: 1\r\ncontent-length: 6\r\n\r\nsecret`;
    for (const error of await failuresWith(answering(answer))) {
      expect(error).toMatchObject({ code, phase: "secure" });
      expect(error.message).toContain(`answered`);
      expect(error.message).toContain(String(status));
      expect(error.message).not.toContain("secret");
    }
  });

  it.each([301, 302, 303, 307, 308])("with %i is not followed", async (status) => {
    await using other = await rawServer(() => {});
    const answer = `HTTP/1.1 ${status} Elsewhere\r\nlocation: ${other.url}/\r\ncontent-length: 0\r\n\r\n`;
    for (const error of await failuresWith(answering(answer), { ws: { followRedirects: true } })) {
      expect(error).toMatchObject({ code: "NEGOTIATION_FAILED" });
    }
    expect(other.peers).toHaveLength(0);
  });

  it.each([
    ["a wrong accept key", () => switching({ headers: { "sec-websocket-key": "other" } })],
    ["no accept key", () => "HTTP/1.1 101 S\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"],
    [
      "an upgrade to something else",
      (request: Omit<RawRequest, "body">) =>
        `HTTP/1.1 101 S\r\nupgrade: h2c\r\nconnection: upgrade\r\nsec-websocket-accept: ${acceptKey(request)}\r\n\r\n`,
    ],
    [
      "101 without an upgrade",
      (request: Omit<RawRequest, "body">) => `HTTP/1.1 101 S\r\nsec-websocket-accept: ${acceptKey(request)}\r\n\r\n`,
    ],
    [
      "a sub-protocol that was not asked for",
      (r: Omit<RawRequest, "body">) => switching(r, "sec-websocket-protocol: other\r\n"),
    ],
    [
      "an extension that was not asked for",
      (r: Omit<RawRequest, "body">) =>
        switching(r, "sec-websocket-protocol: holdfast.mux.v1\r\nsec-websocket-extensions: permessage-deflate\r\n"),
    ],
  ])("by %s fails with NEGOTIATION_FAILED", async (_, answer) => {
    for (const error of await failuresWith(answering(answer))) {
      expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", phase: "secure" });
    }
  });

  it.each([
    "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    "220 mail.example ESMTP ready\r\n",
    "\0".repeat(64),
    "HTTP/1.1 101\x01 S\r\n\r\n",
    ok().replace("HTTP/1.1", "HTTP/9.9"),
  ])("by a peer that sends %j fails with NEGOTIATION_FAILED", async (greeting) => {
    for (const error of await failuresWith(answering(greeting))) {
      expect(error).toMatchObject({ code: "NEGOTIATION_FAILED" });
    }
  });

  it("by a head that is too long fails with LIMIT_EXCEEDED, which names the option", async () => {
    const answer = `HTTP/1.1 101 S\r\nx-long: ${"x".repeat(3_000)}\r\n\r\n`;
    for (const error of await failuresWith(answering(answer), { limits: { headBytes: 2_048 } })) {
      expect(error).toMatchObject({ code: "LIMIT_EXCEEDED" });
      expect(error.message).toContain("more than 2048 bytes (limits.headBytes)");
    }
  });

  it("by a server that chooses none of the sub-protocols fails with NEGOTIATION_FAILED", async () => {
    await using server = await rawServer(answering((request) => switching(request)));
    await using transport = websocket();
    const asked = [
      failure(transport.open({ url: server.url, subprotocols: ["a", "b"] })),
      failure(transport.request({ url: server.url })),
    ];
    for (const error of await Promise.all(asked)) expect(error).toMatchObject({ code: "NEGOTIATION_FAILED" });
  });

  it("by a server that takes it and then speaks another protocol than ours fails with NEGOTIATION_FAILED", async () => {
    await using server = await rawSocketServer((socket) => socket.text("hello"));
    await using transport = websocket();
    const error = await failure(transport.request({ url: server.url }));
    expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", delivery: "not-sent" });
    expect(error.message).toContain("holdfast.mux.v1");
  });

  it("costs no more than the channel, also where an option of ws is wrong", async () => {
    await using server = await rawServer(() => {});
    await using transport = websocket({ ws: { protocolVersion: 12 } });
    const error = await failure(transport.open({ url: server.url }));
    expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", delivery: "not-sent" });
    await server.idle();
  });
});

describe("an upgrade that is given up", () => {
  it.each(ways)("by the caller of %s ends its connection at once", async (way) => {
    const asked = Promise.withResolvers<void>();
    await using server = await rawServer(async (peer) => {
      await peer.head();
      asked.resolve();
    });
    await using transport = websocket();
    const controller = new AbortController();
    const request = { url: server.url, signal: controller.signal };
    const outcome = failure(way === "a channel" ? transport.open(request) : transport.request(request));
    await asked.promise;
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await outcome).toMatchObject({ code: "ABORTED", phase: "secure", delivery: "not-sent", cause: reason });
    await server.idle();
    expect(transport.stats().connections.connecting).toBe(0);
  });

  it("before it begins costs the server nothing", async () => {
    await using server = await rawServer(() => {});
    await using transport = websocket();
    const outcome = failure(transport.open({ url: server.url, signal: AbortSignal.abort("no") }));
    expect(await outcome).toMatchObject({ code: "ABORTED", phase: "queue", cause: "no" });
    expect(server.peers).toHaveLength(0);
  });

  it.each(["close", "destroy"] as const)("by %s() of the transport fails with CLOSED", async (end) => {
    const asked = Promise.withResolvers<void>();
    await using server = await rawServer(async (peer) => {
      await peer.head();
      asked.resolve();
    });
    const transport = websocket();
    const outcome = failure(transport.open({ url: server.url }));
    await asked.promise;
    await transport[end]();
    expect(await outcome).toMatchObject({ code: "CLOSED", delivery: "not-sent" });
    await server.idle();
  });
});

describe("over TLS", () => {
  it.each(ways)("%s is refused where the authority is unknown: TLS_FAILED", async (_, ask) => {
    await using server = await rawSocketServer(() => {}, { tls: good });
    await using transport = websocket();
    const error = await failure(ask(transport, server.url));
    expect(error).toMatchObject({ code: "TLS_FAILED", phase: "secure", delivery: "not-sent" });
    expect(error.message).toContain("tls.ca");
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("a missing client certificate is TLS_FAILED over %s", async (version) => {
    const tls = {
      ...good,
      ca: ca.cert,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: version,
      maxVersion: version,
    };
    await using server = await rawSocketServer(() => {}, { tls });
    await using transport = websocket({ tls: { ca: ca.cert } });
    for (const [, ask] of ways) {
      const error = await failure(ask(transport, server.url));
      expect(error).toMatchObject({ code: "TLS_FAILED", delivery: "not-sent" });
      expect(error.message).toContain("client certificate");
    }
    await using known = websocket({ tls: { ca: ca.cert, ...client } });
    const channel = await known.open({ url: server.url });
    expect(channel.connection.tls).toMatchObject({ version });
    channel.destroy();
  });

  it("a name is checked, sent, and told in the connection", async () => {
    await using server = await rawSocketServer((socket) => socket.close(1_000), { tls: good });
    const lookup: WebSocketOptions["lookup"] = (_name, _options, done) =>
      done(null, [{ address: "127.0.0.1", family: 4 }]);
    await using transport = websocket({ tls: { ca: ca.cert }, lookup });
    const channel = await transport.open({ url: `wss://a.example:${server.port}/` });
    expect(channel.connection).toMatchObject({
      protocol: "websocket",
      origin: `wss://a.example:${server.port}`,
      remoteAddress: "127.0.0.1",
      remotePort: server.port,
      tls: { alpn: "" },
    });
    await channel.closed;
    const wrong = await failure(transport.open({ url: `wss://b.example:${server.port}/` }));
    expect(wrong).toMatchObject({ code: "TLS_FAILED" });
  });
});

describe("other ways to an origin", () => {
  it("a unix socket", async () => {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-"));
    try {
      const path = join(directory, "socket");
      await using server = await rawSocketServer((socket, { headers }) => socket.text(headers["host"] ?? ""), {
        listen: { path },
      });
      await using transport = websocket({ socketPath: path });
      await using channel = await transport.open({ url: "ws://a.example/" });
      expect(await channel[Symbol.asyncIterator]().next()).toEqual({ done: false, value: "a.example" });
      channel.destroy();
      await server.idle();
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it.each(ways)("a proxy, by CONNECT also without TLS, for %s", async (_, ask) => {
    const tunnels: string[] = [];
    await using server = await rawServer(answering("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n"));
    const proxy = createServer((socket) => {
      socket.once("data", (head) => {
        tunnels.push(String(head).split("\r\n")[0] ?? "");
        const onward = connect({ host: "127.0.0.1", port: server.port }, () => {
          socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
          socket.pipe(onward).pipe(socket);
        });
        onward.on("error", () => socket.destroy());
        socket.on("error", () => onward.destroy());
        socket.on("close", () => onward.destroy());
      });
    }).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const { port } = proxy.address() as { readonly port: number };
    await using transport = websocket({ proxy: `http://127.0.0.1:${port}` });
    const error = await failure(ask(transport, "ws://a.example:8080"));
    expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", origin: "ws://a.example:8080" });
    expect(tunnels).toEqual(["CONNECT a.example:8080 HTTP/1.1"]);
    await server.idle();
    proxy.close();
    await once(proxy, "close");
  });
});

describe("what the upgrade says", () => {
  it("of a channel: path, query, fields and sub-protocols of its own", async () => {
    await using server = await rawSocketServer((socket, { head }) => socket.text(head));
    await using transport = websocket({ path: "/exchanges", headers: { "x-of": "exchanges" } });
    await using channel = await transport.open({
      url: `${server.url}/feed?from=1#part`,
      headers: { Authorization: "Bearer t", "x-many": ["a", "b"], "x-latin": "é" },
      subprotocols: ["v2", "v1"],
    });
    const { value } = await channel[Symbol.asyncIterator]().next();
    const head = String(value).toLowerCase();
    expect(head).toContain("get /feed?from=1 http/1.1");
    expect(head).toContain("authorization: bearer t");
    expect(head).toContain("x-many: a\r\nx-many: b");
    expect(head).toContain("sec-websocket-protocol: v2,v1");
    expect(head).not.toContain("exchanges");
    expect(head).not.toContain("sec-websocket-extensions");
    expect(channel.subprotocol).toBe("v2");
    channel.destroy();
  });

  it("of exchanges: path and fields of the options", async () => {
    const heads: string[] = [];
    await using server = await rawServer(async (peer) => {
      heads.push((await peer.head()).head);
      await peer.write("HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n");
    });
    await using transport = websocket({ path: "/exchanges?v=1", headers: { authorization: "Bearer t" } });
    await failure(transport.request({ url: `${server.url}/own`, headers: { "x-own": "1" } }));
    expect(heads[0]).toContain("GET /exchanges?v=1 HTTP/1.1");
    expect(heads[0]?.toLowerCase()).toContain("authorization: bearer t");
    expect(heads[0]?.toLowerCase()).toContain("sec-websocket-protocol: holdfast.mux.v1");
    expect(heads[0]).not.toContain("x-own");
  });

  it.each<[string, Partial<ChannelRequest>]>([
    ["a relative URL", { url: "/feed" }],
    ["a URL with user information", { url: "ws://user:secret@127.0.0.1/" }],
    ["a line break in a value", { headers: { a: "b\r\nc: d" } }],
    ["a line break in a name", { headers: { "a\r\nb": "c" } }],
    ["NUL in a value", { headers: { a: "\0" } }],
    ["a field of the handshake", { headers: { "sec-websocket-key": "x" } }],
    ["a framing field", { headers: { connection: "close" } }],
    ["a length", { headers: { "content-length": "5" } }],
    ["a Headers object", { headers: new Headers({ a: "b" }) as never }],
    ["a sub-protocol with a line break", { subprotocols: ["a\r\nb"] }],
    ["a sub-protocol with a comma", { subprotocols: ["a,b"] }],
    ["an empty sub-protocol", { subprotocols: [""] }],
    ["a sub-protocol twice", { subprotocols: ["a", "a"] }],
    ["sub-protocols that are no list", { subprotocols: "a" as never }],
    ["a signal that is none", { signal: {} as never }],
  ])("never has %s: TypeError, before anything is sent", async (_, request) => {
    await using server = await rawServer(() => {});
    await using transport = websocket();
    const error: unknown = await transport.open({ url: server.url, ...request }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(isTransportError(error)).toBe(false);
    expect(String(error)).not.toContain("secret");
    expect(server.peers).toHaveLength(0);
    expect(transport.stats().totals.dialsFailed).toBe(0);
  });

  it.each(["ftp://a.example/", "unix:/socket"])("is not sent to %s: UNSUPPORTED or TypeError", async (url) => {
    await using transport = websocket();
    const error: unknown = await transport.open({ url }).catch((reason: unknown) => reason);
    if (isTransportError(error)) expect(error).toMatchObject({ code: "UNSUPPORTED", delivery: "not-sent" });
    else expect(error).toBeInstanceOf(TypeError);
  });
});

it("what comes in one piece with the answer is read: messages, then the close", async () => {
  const said = Promise.withResolvers<void>();
  await using server = await rawServer(async (peer) => {
    const request = await peer.head();
    const frames = ["one", "two"].map((payload) => wireFrame({ opcode: opcode.text, payload }, false));
    const close = wireFrame({ opcode: opcode.close, payload: closePayload(1_000, "done") }, false);
    peer.fin(Buffer.concat([Buffer.from(switching(request)), ...frames, close]).toString("latin1"));
    said.resolve();
  });
  await using transport = websocket();
  const channel = await transport.open({ url: server.url });
  await said.promise;
  const messages = await allOf(channel);
  expect(messages).toEqual(["one", "two"]);
  expect(await channel.closed).toEqual({ code: 1_000, reason: "done", clean: true });
});
