import { setImmediate as turn } from "node:timers/promises";
import {
  expectNextWorks,
  failure,
  getText,
  ok,
  rawAnswers as answering,
  type RawPeer as Peer,
  rawServer,
  type RawServer,
} from "@holdfast/conformance/hostile";
import type { Transport } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { http1 } from "../src/index.ts";
import { parseKeepAlive } from "../src/keep-alive.ts";

describe("Keep-Alive", () => {
  it.each([
    ["timeout=5, max=100", { timeoutMs: 5_000, max: 100 }],
    ["max=1,timeout=0", { timeoutMs: 0, max: 1 }],
    ['TIMEOUT = "7"', { timeoutMs: 7_000 }],
    ["timeout=-1, max=x", {}],
    ["xtimeout=5", {}],
    ["", {}],
  ])("%j is read as %j", (text, hint) => {
    expect(parseKeepAlive(text)).toEqual(hint);
  });

  it("given twice is read as one list", () => {
    expect(parseKeepAlive(["timeout=5", "max=3"])).toEqual({ timeoutMs: 5_000, max: 3 });
  });
});

/** Resolves when the transport holds no connection. */
async function noConnection(transport: Transport): Promise<void> {
  while (transport.stats().totals.connectionsOpened > transport.stats().totals.connectionsClosed) await turn();
}

const connections = ({ requests }: RawServer): number[] => requests.map(({ connection }) => connection);

describe("a connection", () => {
  it("carries one exchange after another", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    for (const exchangeIndex of [0, 1, 2]) {
      const response = await transport.request({ url: server.url });
      expect(response.connection).toMatchObject({ exchangeIndex, reused: exchangeIndex > 0, protocol: "http/1.1" });
      expect(await response.body.text()).toBe("ok");
    }
    expect(connections(server)).toEqual([0, 0, 0]);
  });

  it.each(["connection: close\r\n", "connection: Keep-Alive, Close\r\n"])(
    "ends when the server says %j",
    async (field) => {
      await using server = await rawServer(answering(() => ok("ok", field)));
      await using transport = http1({ maxConnections: 1 });
      for (let i = 0; i < 3; i++) expect(await getText(transport, server.url)).toBe("ok");
      expect(connections(server)).toEqual([0, 1, 2]);
    },
  );

  it("ends when its HTTP/1.0 server hangs up, and no resubmission is used up", async () => {
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok");
      peer.fin();
    });
    await using transport = http1({ maxConnections: 2 });
    const paths = Array.from({ length: 40 }, (_, i) => `/${i}`);
    expect(await Promise.all(paths.map((path) => getText(transport, server.url + path)))).toEqual(
      paths.map(() => "ok"),
    );
    expect(server.requests.map(({ path }) => path).sort()).toEqual([...paths].sort());
    expect(transport.stats().totals).toMatchObject({ exchangesReplayed: 0, exchangesFailed: 0 });
  });

  it("of an HTTP/1.0 server that keeps it is kept", async () => {
    await using server = await rawServer(
      answering(() => "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok"),
    );
    await using transport = http1();
    for (let i = 0; i < 2; i++) await getText(transport, server.url);
    expect(connections(server)).toEqual([0, 0]);
  });

  it("ends after as many more exchanges as Keep-Alive: max allows, the last of which asks for the end", async () => {
    await using server = await rawServer(answering(() => ok("ok", "keep-alive: timeout=60, max=1\r\n")));
    await using transport = http1();
    for (let i = 0; i < 4; i++) await getText(transport, server.url);
    expect(server.requests.map(({ headers, connection }) => [connection, headers["connection"]])).toEqual([
      [0, "keep-alive"],
      [0, "close"],
      [1, "keep-alive"],
      [1, "close"],
    ]);
  });

  it("ends at once where Keep-Alive: max allows no more", async () => {
    await using server = await rawServer(answering(() => ok("ok", "keep-alive: max=0\r\n")));
    await using transport = http1();
    for (let i = 0; i < 3; i++) await getText(transport, server.url);
    expect(connections(server)).toEqual([0, 1, 2]);
  });

  it("that idles longer than Keep-Alive: timeout less half of it is closed by us", async () => {
    await using server = await rawServer(answering(() => ok("ok", "keep-alive: timeout=1\r\n")));
    await using transport = http1({ idleTimeoutMs: 60_000 });
    await getText(transport, server.url);
    await getText(transport, server.url);
    await server.peers[0]?.closed;
    await noConnection(transport);
    expect(connections(server)).toEqual([0, 0]);
    await expectNextWorks(transport, server);
  });

  it("asks for its end with the last of maxExchanges", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1({ maxExchanges: 2 });
    for (let i = 0; i < 4; i++) await getText(transport, server.url);
    expect(server.requests.map(({ headers, connection }) => [connection, headers["connection"]])).toEqual([
      [0, "keep-alive"],
      [0, "close"],
      [1, "keep-alive"],
      [1, "close"],
    ]);
  });

  it.each([
    ["HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n"],
    ["HEAD", "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n\r\n"],
    ["HEAD", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"],
    ["GET", "HTTP/1.1 204 No Content\r\n\r\n"],
    ["GET", "HTTP/1.1 304 Not Modified\r\n\r\n"],
    ["DELETE", ok()],
    ["OPTIONS", ok()],
  ])("is kept after %s answered by %j", async (method, answer) => {
    await using server = await rawServer(answering(({ path }) => (path === "/next" ? ok() : answer)));
    await using transport = http1();
    const { body } = await transport.request({ url: server.url, method });
    await body.bytes();
    await expectNextWorks(transport, server);
    expect(connections(server)).toEqual([0, 0]);
  });

  it.each(["GET", "DELETE", "OPTIONS"])("is kept after %s with a body", async (method) => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const { body } = await transport.request({ url: server.url, method, body: "a question" });
    expect(await body.text()).toBe("ok");
    await expectNextWorks(transport, server);
    expect(String(server.requests[0]?.body)).toBe("a question");
    expect(connections(server)).toEqual([0, 0]);
  });

  it.each([
    ["HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"],
    ["GET", "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\n\r\nbody"],
    ["GET", "HTTP/1.1 304 Not Modified\r\n\r\nbody"],
    // Lawful (RFC 9110, 9.3.2 and 15.4.5), but undici does not trust them.
    ["GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5000\r\n\r\n"],
    ["HEAD", "HTTP/1.1 200 OK\r\n\r\n"],
  ])(
    "is not kept where %s is answered by a body that must not be there, or the mention of one: %j",
    async (method, answer) => {
      await using server = await rawServer(answering(({ path }) => (path === "/next" ? ok() : answer)));
      await using transport = http1();
      const { body } = await transport.request({ url: server.url, method });
      expect((await body.bytes()).byteLength).toBe(0);
      await expectNextWorks(transport, server);
      expect(connections(server)).toEqual([0, 1]);
    },
  );

  it("that speaks again unasked is not used again, and its words go to nobody", async () => {
    await using server = await rawServer(async (peer) => {
      for (;;) {
        const { path } = await peer.request();
        await peer.write(path === "/next" ? ok() : ok("first") + ok("poison"));
      }
    });
    await using transport = http1({ maxConnections: 1 });
    expect(await getText(transport, server.url)).toBe("first");
    await expectNextWorks(transport, server);
    expect(connections(server)).toEqual([0, 1]);
  });

  it("that is told 408 while idle is dropped without a word", async () => {
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write(ok());
      if (peer.index > 0) return;
      await turn();
      await peer.write("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
      peer.fin();
    });
    await using transport = http1();
    await getText(transport, server.url);
    await noConnection(transport);
    await expectNextWorks(transport, server);
    expect(connections(server)).toEqual([0, 1]);
  });

  it.each([
    ["hung up on", (peer: Peer) => peer.fin()],
    ["reset", (peer: Peer) => peer.reset()],
    ["spoken to", (peer: Peer) => void peer.write("220 welcome\r\n")],
  ])("that was warmed up and then %s before its use is not used", async (_, spoil) => {
    const accepted = Promise.withResolvers<Peer>();
    await using server = await rawServer((peer) =>
      peer.index === 0 ? accepted.resolve(peer) : answering(() => ok())(peer),
    );
    await using transport = http1();
    await transport.warm(server.url);
    spoil(await accepted.promise);
    await noConnection(transport);
    await expectNextWorks(transport, server);
    expect(connections(server)).toEqual([1]);
    expect(transport.stats().totals.exchangesReplayed).toBe(0);
  });
});

/** Answers the first request on its first connection, reads the second and then ends it as `end` says. */
const closesUnderSecond =
  (end: (peer: Peer) => Promise<void> | void) =>
  async (peer: Peer): Promise<void> => {
    if (peer.index > 0) return answering(() => ok())(peer);
    await peer.request();
    await peer.write(ok());
    await peer.request();
    await end(peer);
  };

const ends = {
  FIN: (peer: Peer) => peer.fin(),
  RST: (peer: Peer) => peer.reset(),
  "408 and FIN": async (peer: Peer) => {
    await peer.write("HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    peer.fin();
  },
};

describe("a request that meets the end of a kept connection", () => {
  it.each(Object.entries(ends))("by %s is replayed once on a fresh one if it is idempotent", async (_, end) => {
    await using server = await rawServer(closesUnderSecond(end));
    await using transport = http1();
    await getText(transport, server.url);
    const response = await transport.request({ url: `${server.url}/again` });
    expect(await response.body.text()).toBe("ok");
    expect(response.connection).toMatchObject({ reused: false, exchangeIndex: 0 });
    expect(server.requests.map(({ path, connection }) => [path, connection])).toEqual([
      ["/", 0],
      ["/again", 0],
      ["/again", 1],
    ]);
    expect(transport.stats().totals.exchangesReplayed).toBe(1);
  });

  it.each([
    ["FIN", ends.FIN],
    ["RST", ends.RST],
  ])("by %s fails as maybe-sent if it is not", async (_, end) => {
    await using server = await rawServer(closesUnderSecond(end));
    await using transport = http1();
    await getText(transport, server.url);
    const error = await failure(transport.request({ url: `${server.url}/once`, method: "POST", body: "pay" }));
    expect(error).toMatchObject({
      code: "CONNECTION_LOST",
      phase: "head",
      delivery: "maybe-sent",
      replaySafe: false,
      reused: true,
    });
    expect(server.requests.filter(({ path }) => path === "/once")).toHaveLength(1);
  });

  it("by 408 leaves that connection, even if the server forgets to", async () => {
    await using server = await rawServer(
      closesUnderSecond((peer) => peer.write("HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")),
    );
    await using transport = http1();
    await getText(transport, server.url);
    expect(await getText(transport, `${server.url}/again`)).toBe("ok");
    await server.peers[0]?.closed;
    expect(connections(server)).toEqual([0, 0, 1]);
  });

  it("by 408 is answered with that if it is not", async () => {
    await using server = await rawServer(closesUnderSecond(ends["408 and FIN"]));
    await using transport = http1();
    await getText(transport, server.url);
    const response = await transport.request({ url: `${server.url}/once`, method: "POST", body: "pay" });
    expect(response.status).toBe(408);
    await response.body.bytes();
    expect(server.requests.filter(({ path }) => path === "/once")).toHaveLength(1);
  });

  it("is replayed with its body if that can be made anew", async () => {
    await using server = await rawServer(closesUnderSecond(ends.FIN));
    await using transport = http1();
    await getText(transport, server.url);
    const { body } = await transport.request({
      url: `${server.url}/put`,
      method: "PUT",
      body: async function* () {
        yield Buffer.from("whole");
      },
    });
    expect(await body.text()).toBe("ok");
    expect(server.requests.slice(1).map((request) => String(request.body))).toEqual(["whole", "whole"]);
  });

  it("is not replayed if its body was a stream that is used up", async () => {
    await using server = await rawServer(closesUnderSecond(ends.FIN));
    await using transport = http1();
    await getText(transport, server.url);
    const body = new Blob(["once"]).stream();
    const error = await failure(transport.request({ url: `${server.url}/put`, method: "PUT", body }));
    expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", reused: true });
    expect(server.requests.filter(({ path }) => path === "/put")).toHaveLength(1);
  });

  it("is replayed once only", async () => {
    await using server = await rawServer(async (peer) => {
      if (peer.index === 0) {
        await peer.request();
        await peer.write(ok());
      }
      await peer.request();
      peer.fin();
    });
    await using transport = http1();
    await getText(transport, server.url);
    const error = await failure(transport.request({ url: `${server.url}/again` }));
    expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", reused: false });
    expect(error.attempts.map(({ code, reused }) => [code, reused])).toEqual([["CONNECTION_LOST", true]]);
    expect(server.requests.filter(({ path }) => path === "/again")).toHaveLength(2);
  });

  it("is not replayed once a byte of its answer was there", async () => {
    await using server = await rawServer(
      closesUnderSecond(async (peer) => {
        await peer.write("HTTP/1.1 2");
        peer.fin();
      }),
    );
    await using transport = http1();
    await getText(transport, server.url);
    const error = await failure(transport.request({ url: `${server.url}/half` }));
    expect(error).toMatchObject({ code: "CONNECTION_LOST", phase: "head", delivery: "maybe-sent" });
    expect(server.requests.filter(({ path }) => path === "/half")).toHaveLength(1);
  });

  it("on a fresh connection is not replayed at all", async () => {
    await using server = await rawServer(async (peer) => {
      await peer.request();
      peer.fin();
    });
    await using transport = http1();
    expect(await failure(transport.request({ url: server.url }))).toMatchObject({
      code: "CONNECTION_LOST",
      phase: "head",
      delivery: "maybe-sent",
      reused: false,
    });
    expect(server.requests).toHaveLength(1);
  });

  // The server ends each connection as soon as it has answered, with no word of it: every second request goes out about
  // when that happens.
  it.each(["GET", "POST"])("many times over: no %s is lost unseen or executed unasked", async (method) => {
    await using server = await rawServer(async (peer) => {
      await peer.request();
      await peer.write(ok());
      if (peer.index % 2 === 0) await turn();
      if (peer.index % 3 === 0) await turn();
      if (peer.index % 5 === 0) peer.reset();
      else peer.fin();
    });
    await using transport = http1({ maxConnections: 4 });
    const failed: string[] = [];
    const worker = async (name: string): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        const url = `${server.url}/${name}-${i}`;
        try {
          const { body } = await transport.request({ url, method });
          expect(await body.text()).toBe("ok");
        } catch (error) {
          expect(error).toMatchObject({ code: "CONNECTION_LOST", delivery: "maybe-sent", reused: true });
          failed.push(url);
        }
      }
    };
    await Promise.all(["a", "b", "c", "d", "e", "f"].map(worker));
    const times = new Map<string, number>();
    for (const { path } of server.requests) times.set(path, (times.get(path) ?? 0) + 1);
    if (method === "GET") expect(failed).toEqual([]);
    // It answers every request that it reads, so whatever succeeded was executed, and once.
    expect(times.size).toBeGreaterThanOrEqual(600 - failed.length);
    expect(Math.max(...times.values())).toBe(1);
  });
});
