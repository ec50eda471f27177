import { type AnswerOptions, muxCode, type ServedResponse } from "@holdfast/exchange";
import { describe, expect, it } from "vitest";
import { answering } from "./ends.ts";
import { until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { type } = wire;

describe("an answer", () => {
  const faults: readonly { readonly what: string; readonly respond: () => unknown }[] = [
    {
      what: "throws",
      respond: () => {
        throw new Error("no");
      },
    },
    { what: "returns nothing", respond: () => undefined },
    { what: "fails in its trailers", respond: () => ({ trailers: () => Promise.reject(new Error("no")) }) },
    {
      what: "yields text",
      respond: () => ({
        body: (async function* () {
          yield "text";
        })(),
      }),
    },
  ];
  it.each(faults)(
    "of a handler that $what is a RESET for an internal error, and onError is told",
    async ({ respond }) => {
      const told: string[] = [];
      const onError: AnswerOptions["onError"] = (error, { method }) => {
        told.push(`${method}: ${(error as Error).message}`);
        throw new Error("it has one itself");
      };
      const { peer, end: answers } = answering(respond as () => ServedResponse, { maxStreams: 1, onError });
      for (const id of [1, 3]) {
        peer.send(wire.ask(id));
        expect((await peer.next(type.reset, id)).payload.readUInt32BE()).toBe(muxCode.internal);
      }
      expect(answers.openStreams).toBe(0);
      expect(told).toEqual([1, 3].map(() => expect.stringMatching(/^GET: ./)));
      peer.close();
    },
  );

  it.each([
    ["a status that is none", { status: 0 }],
    ["a field that is none", { headers: { "a b": "1" } }],
    ["a value with a line break", { headers: { a: "1\r\nb: 2" } }],
    ["a field of requests", { headers: { expect: "100-continue" } }],
  ])("with %s is a 500 without a word of it, and onError is told", async (_, response) => {
    const told: unknown[] = [];
    const { peer } = answering(() => response, { onError: (error) => void told.push(error) });
    peer.send(wire.ask(1));
    const { payload } = await peer.next(type.headers, 1);
    expect(wire.readPairs(payload)).toContainEqual([":status", "500"]);
    expect((await peer.next(type.data, 1)).payload.toString()).toBe("the request failed\n");
    expect(told).toEqual([expect.any(TypeError)]);
    peer.close();
  });

  it("with a head that is longer than the client takes is a RESET that says so, and onError is told", async () => {
    const told: unknown[] = [];
    const respond = (): ServedResponse => ({ headers: { a: "x".repeat(2_000) } });
    const { peer } = answering(respond, { onError: (error) => void told.push(error) }, { 5: 1_000 });
    peer.send(wire.ask(1));
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.frameSize);
    expect(told).toEqual([new TypeError("the head is longer than the client takes")]);
    peer.close();
  });

  it("that fails because its client has gone is nothing to tell of", async () => {
    const told: unknown[] = [];
    const failures: (() => Promise<unknown>)[] = [];
    const { peer } = answering(
      ({ signal, body }) =>
        new Promise((_, reject) => {
          failures.push(async () => await body.text().catch((error: unknown) => reject(error as Error)));
          failures.push(async () => reject(signal.reason as Error));
        }),
      { onError: (error) => void told.push(error) },
    );
    for (const [id, how] of [
      [1, 0],
      [3, 3],
    ] as const) {
      peer.send(wire.ask(id, 0, [], "/", "POST"));
      await peer.quiet();
      peer.send(wire.reset(id, muxCode.cancelled));
      await peer.quiet();
      await failures[how]?.();
    }
    await peer.quiet();
    expect(told).toEqual([]);
    peer.close();
  });

  it.each([
    ["a status that is none", { status: 99 }],
    ["a head that is too long", { headers: { a: "x".repeat(70_000) } }],
  ])("whose response has %s gives the body back that nobody reads", async (_, response) => {
    const returned = Promise.withResolvers<IteratorResult<Uint8Array>>();
    const body: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(new Error("nobody reads it")),
        return: () => {
          returned.resolve({ done: true, value: undefined });
          return returned.promise;
        },
      }),
    };
    const { peer } = answering(() => ({ ...response, body }));
    peer.send(wire.ask(1));
    await returned.promise;
    peer.close();
  });

  it("that fails on its way arrives as far as it was made, then the RESET", async () => {
    const { peer } = answering(() => ({
      body: (async function* () {
        yield Buffer.alloc(100_000);
        throw new Error("no");
      })(),
    }));
    peer.send(wire.ask(1));
    await until("the window is full", () => peer.bytes(1) === 65_536);
    expect(peer.of(type.reset, 1)).toEqual([]);
    peer.send(wire.window(0, 65_536), wire.window(1, 65_536));
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.internal);
    expect(peer.bytes(1)).toBe(100_000);
    peer.close();
  });

  it("with trailers longer than the client takes ends with a RESET for it alone", async () => {
    const { peer } = answering(() => ({ body: "x", trailers: () => ({ a: "x".repeat(2_000) }) }), {}, { 5: 1_000 });
    peer.send(wire.ask(1));
    expect((await peer.next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.frameSize);
    peer.send(wire.ping());
    await peer.next(type.ping);
    peer.close();
  });
});
