import { answerOver, exchangeOver, muxCode, pipePair } from "@holdfast/exchange";
import { describe, expect, it } from "vitest";
import { answering, failure, outcome, type Outcome, url } from "./ends.ts";
import { turn, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { type } = wire;

/** The stream of the request with this number, from 0. */
function idOf(i: number): number {
  return 2 * i + 1;
}

const wastes: readonly { readonly what: string; readonly of: (id: number) => Uint8Array }[] = [
  { what: "that it resets", of: (id) => Buffer.concat([wire.ask(id, 0), wire.reset(id, 7)]) },
  { what: "with a head that is none", of: (id) => wire.headers(id, [], wire.end) },
  {
    what: "with more DATA than they said",
    of: (id) => Buffer.concat([wire.ask(id, 0, [["content-length", "0"]]), wire.data(id, "x")]),
  },
];

describe.each(wastes)("a client of streams $what", ({ of }) => {
  /** So many at once, behind a request that is answered when the test says so. */
  function wasting(count: number, maxResets?: number) {
    const { promise: held, resolve: answer } = Promise.withResolvers<void>();
    const { peer, end } = answering(
      async ({ url: { pathname }, signal }) => {
        // Handlers of streams that are gone end at once, for they count against maxStreams.
        if (pathname === "/held") await held;
        else await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { body: "done" };
      },
      { maxStreams: 10_000, ...(maxResets === undefined ? {} : { limits: { maxResets } }) },
    );
    peer.send(wire.ask(idOf(0), wire.end, [], "/held"));
    peer.send(...Array.from({ length: count }, (_, i) => of(idOf(i + 1))));
    return { peer, end, answer };
  }

  it("may have 100 of them at once", async () => {
    const { peer, answer } = wasting(100);
    await peer.quiet();
    expect(peer.of(type.goAway)).toEqual([]);
    answer();
    await peer.next(type.data, idOf(0));
    peer.close();
  });

  it("is told by GOAWAY to go elsewhere with one more, and gets what it had asked for before", async () => {
    const { peer, end, answer } = wasting(101);
    const { payload } = await peer.next(type.goAway);
    expect(payload.readUInt32BE(0)).toBe(idOf(101));
    expect(payload.readUInt32BE(4)).toBe(muxCode.overload);
    expect(payload.toString("utf8", 8)).toContain("limits.maxResets");
    expect(peer.ending).toBeUndefined();
    answer();
    expect((await peer.next(type.data, idOf(0))).payload.toString()).toBe("done");
    await end.closed;
    await until("the pipe ends", () => peer.ending !== undefined);
    expect(peer.ending?.error).toBeUndefined();
  });

  it("has nothing more taken behind GOAWAY, and loses its connection if it goes on", async () => {
    const { peer, end } = wasting(2_000);
    expect(await peer.violation()).toMatchObject({ code: muxCode.overload, closed: true });
    await end.closed;
  });

  it("may have as many as limits.maxResets says", async () => {
    const { peer: few } = wasting(4, 3);
    await few.next(type.goAway);
    few.close();
    const { peer: many } = wasting(5_000, Infinity);
    await many.quiet();
    expect(many.of(type.goAway)).toEqual([]);
    many.close();
  });
});

it.each([
  ["that had said all", wire.end],
  ["that had more to say", 0],
])("a client $0 whose RESETs cross those of the server loses nothing, however many", async (_, flags) => {
  const count = 1_500;
  const { peer, end } = answering(
    async () => {
      await turn();
      throw new Error("the backend is gone");
    },
    { maxStreams: 10_000 },
  );
  peer.send(...Array.from({ length: count }, (_unused, i) => wire.ask(idOf(i), flags)));
  await until("all are reset", () => peer.of(type.reset).length === count);
  peer.send(...Array.from({ length: count }, (_unused, i) => wire.reset(idOf(i), muxCode.deadline)));
  peer.send(wire.ping());
  await peer.next(type.ping);
  expect([peer.of(type.goAway), peer.ending]).toEqual([[], undefined]);
  peer.close();
  await end.closed;
});

it("a client that goes on about a stream that it had ended, and the server has reset, breaks the protocol", async () => {
  const { peer } = answering(async () => {
    await turn();
    throw new Error("the backend is gone");
  });
  peer.send(wire.ask(1));
  await peer.next(type.reset, 1);
  peer.send(wire.data(1, "x"));
  expect(await peer.violation()).toMatchObject({ code: muxCode.streamClosed, closed: true });
});

it("limits.maxResets is a number", () => {
  expect(() => answerOver(pipePair()[0], () => ({}), { limits: { maxResets: -1 } })).toThrow("limits.maxResets");
});

it("a client that cancels more than it may loses nothing: what is refused is answered on another connection, once", async () => {
  const cancels = 40;
  const arrived = new Map<string, number>();
  let connections = 0;
  const transport = exchangeOver(() => {
    connections++;
    const [near, far] = pipePair();
    answerOver(
      far,
      async ({ url: { pathname }, signal }) => {
        arrived.set(pathname, (arrived.get(pathname) ?? 0) + 1);
        if (pathname.startsWith("/cancelled"))
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return { body: pathname };
      },
      { limits: { maxResets: 3 } },
    );
    return near;
  });
  const kept: [string, Outcome][] = [];
  const keep = (pathname: string): void => {
    kept.push([pathname, outcome(transport, { url: new URL(pathname, url), method: "POST" })]);
  };
  for (let i = 0; i < cancels; i++) {
    const controller = new AbortController();
    const path = `/cancelled/${i}`;
    const { signal } = controller;
    const cancelled = failure(transport.request({ url: new URL(path, url), method: "POST", signal }));
    await until("it is being handled", () => arrived.has(path));
    keep(`/before/${i}`);
    controller.abort();
    // Sent before the client can know that its connection takes no more.
    keep(`/behind/${i}`);
    expect(await cancelled).toMatchObject({ code: "ABORTED" });
  }
  await Promise.all(kept.map(([, { done }]) => done));
  expect(kept.filter(([pathname, { text }]) => text !== pathname)).toEqual([]);
  expect([...arrived.values()].filter((times) => times !== 1)).toEqual([]);
  expect(arrived.size).toBe(3 * cancels);
  expect(connections).toBeGreaterThan(1);
  expect(transport.stats().totals.exchangesReplayed).toBeGreaterThan(0);
  await transport.close();
});
