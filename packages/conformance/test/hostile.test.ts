import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { type ClientHttp2Stream, connect } from "node:http2";
import { allCases, inProcessOrigin } from "@holdfast/conformance";
import {
  type Fault,
  type Hostile,
  type HostileExchange,
  http1Hostile,
  http2Hostile,
} from "@holdfast/conformance/hostile";
import { describe, expect, it } from "vitest";

async function send(url: string, path: string): Promise<IncomingMessage> {
  const [response] = (await once(request(url + path, { agent: false }).end(), "response")) as [IncomingMessage];
  return response;
}

/** What a command of an exchange needs; those of its connection come after. */
const commands: readonly (readonly [Fault, (exchange: HostileExchange) => unknown])[] = [
  ["half-head", (exchange) => exchange.halfHead()],
  ["reset", (exchange) => exchange.reset("none")],
  ["refuse", (exchange) => exchange.refuse()],
  ["credit", (exchange) => exchange.giveCredit(1)],
  ["push", (exchange) => exchange.push("/")],
  ["goodbye", ({ connection }) => connection.goodbye()],
  ["limit", ({ connection }) => connection.limit(1)],
  ["cut", ({ connection }) => connection.fin()],
];

async function thrownBy(act: () => unknown): Promise<unknown> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("a hostile origin", () => {
  it("of HTTP/1.1 does nothing by itself, and what it is told", async () => {
    await using origin = await http1Hostile().listen();
    const answer = send(origin.url, "/a");
    const exchange = await origin.next("/a");
    expect([origin.arrivals.length, origin.untaken, origin.connections.length]).toEqual([1, 0, 1]);
    await exchange.head();
    await exchange.send("one");
    await exchange.send("two");
    await exchange.finish({ "x-sum": "1" });
    const response = await answer;
    expect(Buffer.concat(await response.toArray()).toString()).toBe("onetwo");
    expect(response.trailers).toEqual({ "x-sum": "1" });
    expect([exchange.connection.open, exchange.connection.maxOpen]).toEqual([0, 1]);
  });

  it("of HTTP/2 counts what is open at a time, and knows who has given up", async () => {
    await using origin = await http2Hostile().listen();
    const session = connect(origin.url);
    const streams = ["/a", "/b"].map((path): ClientHttp2Stream => session.request({ ":path": path }));
    const [a, b] = [await origin.next("/a"), await origin.next("/b")];
    expect(a.connection.open).toBe(2);
    streams[0]?.close(8);
    await a.abandoned;
    await b.respond();
    expect([a.connection.open, a.connection.maxOpen]).toEqual([0, 2]);
    session.destroy();
    await a.connection.closed;
  });

  it("serves what nobody takes, when it is told to", async () => {
    await using origin = await http1Hostile().listen();
    origin.serve();
    const response = await send(origin.url, "/a");
    expect(Buffer.concat(await response.toArray()).toString()).toBe("ok");
  });

  it("lets nobody wait when it is disposed of", async () => {
    const origin = await http1Hostile().listen();
    const next = origin.next().catch((error: Error) => error.message);
    await origin[Symbol.asyncDispose]();
    expect(await next).toBe("the client has gone");
  });

  it.each([http1Hostile(), inProcessOrigin().hostile])(
    "of $protocol throws what it cannot express, and has told so before",
    async (hostile: Hostile) => {
      const { faults } = hostile;
      for (const [fault, options] of [
        ["limit", { maxExchanges: 1 }],
        ["credit", { creditBytes: 1 }],
      ] as const) {
        const error = await thrownBy(async () => hostile.listen(options));
        expect(String(error)).toBe(`TypeError: ${hostile.protocol} cannot express the fault "${fault}"`);
        expect(faults.has(fault)).toBe(false);
      }
    },
  );

  it.each([http1Hostile(), http2Hostile()])(
    "of $protocol breaks its protocol by name, and knows no other",
    async (hostile) => {
      await using origin = await hostile.listen();
      expect(origin.breaches?.length).toBeGreaterThan(20);
      const session = hostile.protocol === "h2" ? connect(origin.url) : undefined;
      const answer =
        session === undefined ? send(origin.url, "/a").catch(() => {}) : session.request({ ":path": "/a" });
      const { connection } = await origin.next();
      const error = await thrownBy(() => connection.violate("nothing"));
      expect(String(error)).toBe('TypeError: there is no breach called "nothing"');
      session?.destroy();
      connection.rst();
      if (answer instanceof Promise) await answer;
    },
  );

  it("of HTTP/1.1 throws a TypeError exactly for the faults that it does not name", async () => {
    const { faults, listen } = http1Hostile();
    await using origin = await listen();
    const answer = send(origin.url, "/a").catch(() => {});
    const exchange = await origin.next();
    for (const [fault, command] of commands) {
      const error = await thrownBy(() => command(exchange));
      expect([fault, error instanceof TypeError]).toEqual([fault, !faults.has(fault)]);
    }
    await answer;
  });

  it("can be one of a protocol for which every case applies", () => {
    const { faults } = http2Hostile();
    for (const one of allCases) for (const fault of one.faults) expect([...faults]).toContain(fault);
    for (const fault of faults) expect(allCases.some((one) => one.faults.includes(fault))).toBe(true);
  });
});
