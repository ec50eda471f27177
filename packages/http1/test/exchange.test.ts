import { getEventListeners } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
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
import type { InformationalHead, TransportRequest } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { http1, type Http1Options } from "../src/index.ts";

const endless = { bodyGapMs: Infinity, headMs: Infinity };

describe("an exchange", () => {
  it("tells its connection and its moments", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const first = await transport.request({ url: server.url });
    await first.body.text();
    expect(first.connection).toMatchObject({
      protocol: "http/1.1",
      origin: server.url,
      reused: false,
      exchangeIndex: 0,
      localPort: server.peers[0]?.socket.remotePort,
      remoteAddress: "127.0.0.1",
      remotePort: server.port,
    });
    const { queued, connected = NaN, sent = NaN, firstByte, end = NaN } = first.timings;
    expect([queued, connected, sent, firstByte, end]).toEqual(
      [queued, connected, sent, firstByte, end].sort((a, b) => a - b),
    );
    const second = await transport.request({ url: server.url });
    await second.body.text();
    expect(second.connection.id).toBe(first.connection.id);
    expect(second.timings.connected).toBeUndefined();
  });

  it("hands interim heads over in order, up to 16, before the response", async () => {
    const hint = (n: number): string => `HTTP/1.1 103 Early Hints\r\nlink: </${n}>\r\n\r\n`;
    const sixteen = Array.from({ length: 16 }, (_, n) => n);
    await using server = await rawServer(answering(() => sixteen.map(hint).join("") + ok()));
    await using transport = http1();
    const heard: InformationalHead[] = [];
    const { status, body } = await transport.request({ url: server.url, onInformational: (head) => heard.push(head) });
    expect(heard.map((head) => [head.status, head.headers["link"]])).toEqual(sixteen.map((n) => [103, `</${n}>`]));
    expect(status).toBe(200);
    expect(await body.text()).toBe("ok");
    expect(await getText(transport, server.url)).toBe("ok");
    expect(server.peers).toHaveLength(1);
  });

  it("whose onInformational throws is given up", async () => {
    await using server = await rawServer(
      answering(({ path }) => (path === "/next" ? ok() : `HTTP/1.1 103 Early Hints\r\n\r\n${ok()}`)),
    );
    await using transport = http1();
    const reason = new Error("not like this");
    const onInformational = (): void => {
      throw reason;
    };
    const error = await failure(transport.request({ url: server.url, onInformational }));
    expect(error).toMatchObject({ code: "ABORTED", phase: "head", delivery: "maybe-sent", cause: reason });
    await expectNextWorks(transport, server);
  });

  it("whose response is thrown away unread gives its place back, and is counted", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await using server = await rawServer(
      answering(({ path }) => (path === "/next" ? ok() : `${ok("x".repeat(1_000)).slice(0, -1)}`)),
    );
    await using transport = http1({ maxConnections: 1 });
    const warned = new Promise<Error>((resolve) => void process.once("warning", resolve));
    await transport.request({ url: server.url });
    while (transport.stats().totals.responsesLeaked === 0) {
      collect();
      await turn();
    }
    await expectNextWorks(transport, server);
    expect(String(await warned)).toContain(server.url);
    expect(String(await warned)).not.toContain("/next");
  });
});

interface Situation {
  readonly server: (peer: Peer) => Promise<void> | void;
  readonly options?: Http1Options;
  readonly request?: Partial<TransportRequest>;
  /** Resolves when the exchange is where it is to be aborted. */
  readonly arrive: (server: RawServer) => Promise<unknown>;
  readonly phase: string;
  readonly delivery: string;
}

/** Answers `/next`, and leaves everything else without an answer. */
const mute = async (peer: Peer): Promise<void> => {
  for (;;) if ((await peer.request()).path === "/next") await peer.write(ok());
};

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await turn();
}

const situations: Readonly<Record<string, Situation>> = {
  "waits for the head": {
    server: mute,
    arrive: (server) => until(() => server.requests.length === 1),
    phase: "head",
    delivery: "maybe-sent",
  },
  "sends its body": {
    server: async (peer) => {
      if (peer.index > 0) return mute(peer);
      await peer.head();
    },
    request: {
      method: "POST",
      body: async function* () {
        yield Buffer.from("and then nothing");
        await new Promise(() => {});
      },
    },
    arrive: async (server) => {
      await until(() => server.peers.length === 1);
      await until(() => (server.peers[0]?.socket.bytesRead ?? 0) > 0);
    },
    phase: "send",
    delivery: "maybe-sent",
  },
};

describe("aborting an exchange", () => {
  it.each(Object.entries(situations))(
    "that %s settles within the turn and ends its connection",
    async (_, situation) => {
      await using server = await rawServer(situation.server);
      await using transport = http1({ timeouts: endless, maxConnections: 1 });
      const gone = new AbortController();
      const outcome = failure(transport.request({ url: server.url, signal: gone.signal, ...situation.request }));
      await situation.arrive(server);
      const reason = new Error("changed my mind");
      let settled = false;
      void outcome.then(() => {
        settled = true;
      });
      gone.abort(reason);
      await turn();
      expect(settled).toBe(true);
      const { phase, delivery } = situation;
      expect(await outcome).toMatchObject({ code: "ABORTED", phase, delivery, cause: reason });
      expect(getEventListeners(gone.signal, "abort")).toEqual([]);
      await server.peers[0]?.closed;
      await expectNextWorks(transport, server);
      expect(server.requests.at(-1)?.connection).toBe(1);
    },
  );

  it("whose body is being read fails the reader within the turn and ends the connection", async () => {
    await using server = await rawServer(
      answering(({ path }) => (path === "/next" ? ok() : "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")),
    );
    await using transport = http1({ timeouts: endless, maxConnections: 1 });
    const gone = new AbortController();
    const { body, trailers } = await transport.request({ url: server.url, signal: gone.signal });
    const outcome = failure(body.bytes());
    gone.abort(new Error("changed my mind"));
    expect(await outcome).toMatchObject({ code: "ABORTED", phase: "body", delivery: "answered" });
    await expect(trailers).rejects.toMatchObject({ code: "ABORTED" });
    await server.peers[0]?.closed;
    await expectNextWorks(transport, server);
  });

  it("that waits for a lease leaves the others alone, and its place is not lost", async () => {
    const answer = Promise.withResolvers<string>();
    await using server = await rawServer(answering(({ path }) => (path === "/first" ? answer.promise : ok())));
    await using transport = http1({ maxConnections: 1 });
    const first = getText(transport, `${server.url}/first`);
    await until(() => server.requests.length === 1);
    const gone = new AbortController();
    const second = failure(transport.request({ url: `${server.url}/second`, signal: gone.signal }));
    const third = getText(transport, `${server.url}/third`);
    gone.abort();
    expect(await second).toMatchObject({ code: "ABORTED", phase: "queue", delivery: "not-sent" });
    answer.resolve(ok("first"));
    expect(await Promise.all([first, third])).toEqual(["first", "ok"]);
    expect(server.requests.map(({ path, connection }) => [path, connection])).toEqual([
      ["/first", 0],
      ["/third", 0],
    ]);
  });

  it("that was leased but has not left keeps the connection", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1({ maxConnections: 1 });
    await transport.warm(server.url);
    const gone = new AbortController();
    const outcome = failure(transport.request({ url: `${server.url}/never`, signal: gone.signal }));
    expect(transport.stats().exchanges.inFlight).toBe(1);
    gone.abort();
    expect(await outcome).toMatchObject({ code: "ABORTED", delivery: "not-sent" });
    await expectNextWorks(transport, server);
    expect(server.requests.map(({ path, connection }) => [path, connection])).toEqual([["/next", 0]]);
    expect(server.peers).toHaveLength(1);
  });

  it("that waits for TLS ends the dial", async () => {
    await using server = await rawServer(() => {});
    await using transport = http1();
    const gone = new AbortController();
    const url = server.url.replace("http:", "https:");
    const outcome = failure(transport.request({ url, signal: gone.signal }));
    await until(() => (server.peers[0]?.socket.bytesRead ?? 0) > 0);
    gone.abort();
    expect(await outcome).toMatchObject({ code: "ABORTED", phase: "secure", delivery: "not-sent" });
    await server.peers[0]?.closed;
    expect(transport.stats().origins).toEqual({});
  });

  it("before it began sends nothing", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const error = await failure(transport.request({ url: server.url, signal: AbortSignal.abort("no") }));
    expect(error).toMatchObject({ code: "ABORTED", phase: "queue", delivery: "not-sent", cause: "no" });
    expect(server.peers).toHaveLength(0);
  });

  it("after its end changes nothing", async () => {
    await using server = await rawServer(answering(() => ok()));
    await using transport = http1();
    const gone = new AbortController();
    const { body } = await transport.request({ url: server.url, signal: gone.signal });
    expect(await body.text()).toBe("ok");
    gone.abort();
    await expectNextWorks(transport, server);
    expect(server.peers).toHaveLength(1);
  });
});
