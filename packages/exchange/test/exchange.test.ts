import { muxCode } from "@holdfast/exchange";
import type { TransportRequest } from "@holdfast/transport";
import { describe, expect, it, vi } from "vitest";
import { asking, type AskingEnd, failure, outcome, type Outcome, url } from "./ends.ts";
import { until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { end, info, type } = wire;

/** One request on stream 1, and its server. */
async function ask(request: Partial<TransportRequest> = {}): Promise<AskingEnd & { readonly asked: Outcome }> {
  const ends = asking();
  const asked = outcome(ends.transport, request);
  await until("it asks", () => ends.peers.length === 1 && ends.peer().of(type.headers).length === 1);
  return { ...ends, asked };
}

async function settled(asked: Outcome): Promise<Outcome> {
  await asked.done;
  return asked;
}

describe("a request", () => {
  it("is a head that ends it where there is no body", async () => {
    const { transport, peer } = await ask({ method: "HEAD", headers: { X: ["1", "é"] }, url: `${url}p?q` });
    const head = await peer().next(type.headers, 1);
    expect(head.flags).toBe(end);
    expect(wire.readPairs(head.payload)).toEqual([
      [":method", "HEAD"],
      [":path", "/p?q"],
      [":authority", "a.example"],
      ["x", "1"],
      ["x", "é"],
    ]);
    await transport.destroy();
  });

  it("carries a host field as its authority, and what is left of its deadline", async () => {
    const { transport, peer } = await ask({ headers: { host: "b.example" }, deadlineMs: 60_000 });
    const pairs = Object.fromEntries(wire.readPairs((await peer().next(type.headers, 1)).payload));
    expect(pairs).not.toHaveProperty("host");
    expect(pairs[":authority"]).toBe("b.example");
    expect(Number(pairs[":deadline"])).toBeGreaterThan(0);
    expect(Number(pairs[":deadline"])).toBeLessThanOrEqual(60_000);
    await transport.destroy();
  });

  it.each([
    [2 ** 53, false],
    [10 ** 16, false],
    [9 * 10 ** 14, true],
    [Infinity, false],
  ])("with a deadline of %d ms is sent, and says it where it has at most 15 digits: %s", async (deadlineMs, isSaid) => {
    const { transport, peer } = await ask({ deadlineMs });
    const pairs = Object.fromEntries(wire.readPairs((await peer().next(type.headers, 1)).payload));
    expect(pairs[":deadline"]).toEqual(isSaid ? expect.stringMatching(/^\d{15}$/) : undefined);
    await transport.destroy();
  });

  it.each([
    { what: "text", body: "héllo", sent: "héllo", length: "6" },
    { what: "no bytes", body: "", sent: "", length: "0" },
    { what: "bytes", body: Buffer.from("abc"), sent: "abc", length: "3" },
  ])("with a body of $what says its length and leaves as one message", async ({ body, sent, length }) => {
    const { transport, peer } = await ask({ method: "POST", body });
    const head = await peer().next(type.headers, 1);
    expect(wire.readPairs(head.payload)).toContainEqual(["content-length", length]);
    const data = await peer().next(type.data, 1);
    expect([data.flags, data.payload.toString()]).toEqual([end, sent]);
    // SETTINGS alone, then all of the request.
    expect(peer().messages).toHaveLength(2);
    await transport.destroy();
  });

  it("has trailers behind its body, or in place of one", async () => {
    const { transport, peer } = asking();
    void outcome(transport, { method: "POST", body: "x", trailers: () => ({ Sum: "1" }) });
    void outcome(transport, { method: "POST", trailers: async () => ({}) });
    await until("both are asked", () => peer().of(type.headers).length === 4);
    const [, behind] = peer().of(type.headers, 1);
    const [head, alone] = peer().of(type.headers, 3);
    expect(peer().of(type.data, 1)[0]?.flags).toBe(0);
    expect([behind?.flags, wire.readPairs(behind?.payload as Buffer)]).toEqual([end, [["sum", "1"]]]);
    expect([head?.flags, alone?.flags, alone?.payload.byteLength]).toEqual([0, end, 0]);
    await transport.destroy();
  });

  it("whose head the server does not take fails unsent, and others go on", async () => {
    const { transport, peer } = asking({}, (server) => server.send(wire.settings({ 5: 300 })));
    const long = await failure(transport.request({ url, headers: { a: "x".repeat(400) } }));
    expect(long).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "not-sent" });
    const asked = outcome(transport);
    await until("it asks", () => peer().of(type.headers).length === 1);
    // Ids that were taken for the first are never used.
    peer().send(wire.answer(peer().of(type.headers)[0]?.stream as number));
    expect(await settled(asked)).toMatchObject({ status: 200, text: "" });
    await transport.close();
  });

  it("of 65,535 octets is the longest, even where a server takes more", async () => {
    const { transport, peer } = asking({}, (server) => server.send(wire.settings({ 5: 1_000_000 })));
    const fixed = wire.block([
      [":method", "GET"],
      [":path", "/"],
      [":authority", "a.example"],
      ["a", ""],
    ]).byteLength;
    void outcome(transport, { headers: { a: "x".repeat(65_535 - fixed) } });
    await until("it asks", () => peer().of(type.headers).length === 1);
    expect(peer().of(type.headers)[0]?.payload.byteLength).toBe(65_535);
    const over = await failure(transport.request({ url, headers: { a: "x".repeat(65_536 - fixed) } }));
    expect(over).toMatchObject({ code: "LIMIT_EXCEEDED" });
    await transport.destroy();
  });

  it("whose trailers the server does not take is reset", async () => {
    const { transport, peer } = asking({}, (server) => server.send(wire.settings({ 5: 300 })));
    const error = await failure(transport.request({ url, trailers: () => ({ a: "x".repeat(400) }) }));
    expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", delivery: "maybe-sent" });
    expect((await peer().next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.frameSize);
    await transport.close();
  });

  it("waits for credit, chunk by chunk", async () => {
    let pulled = 0;
    const { transport, peer } = asking();
    const asked = outcome(transport, {
      method: "POST",
      body: (async function* () {
        for (; pulled < 100; pulled++) yield Buffer.alloc(10_000);
      })(),
    });
    await until("the window is full", () => sentBytes(peer) === 65_536);
    await peer().quiet();
    // The window, what is queued, and one more.
    expect(pulled).toBeLessThanOrEqual(15);
    peer().send(wire.window(0, 2 ** 20), wire.window(1, 934_464));
    await until("all has come", () => sentBytes(peer) === 1_000_000);
    expect(peer().of(type.data, 1).at(-1)?.flags).toBe(end);
    peer().send(wire.answer(1));
    expect(await settled(asked)).toMatchObject({ status: 200 });
    await transport.close();
  });
});

function sentBytes(peer: AskingEnd["peer"]): number {
  return peer().bytes(1);
}

describe("a response", () => {
  it("has interim heads, a body in parts, and trailers", async () => {
    const interim: number[] = [];
    const { transport, peer } = asking();
    const asking1 = transport.request({ url, onInformational: ({ status }) => void interim.push(status) });
    await until("it asks", () => peer().of(type.headers).length === 1);
    peer().send(wire.answer(1, info, [["link", "</a>"]], 103), wire.answer(1, info, [], 100));
    peer().send(wire.answer(1, 0, [["set-cookie", "a"]]), wire.data(1, "he"), wire.data(1, "llo"));
    const response = await asking1;
    peer().send(wire.headers(1, [["sum", "5"]], end));
    expect(await response.body.text()).toBe("hello");
    expect(await response.trailers).toEqual({ sum: "5" });
    expect(response.headers).toEqual({ "set-cookie": ["a"] });
    expect(interim).toEqual([103, 100]);
    await transport.close();
  });

  it("may end before the request does: what is left of that is given up", async () => {
    const returned = vi.fn<() => void>();
    const { transport, peer, asked } = await ask({
      method: "POST",
      body: (async function* () {
        try {
          for (;;) yield Buffer.alloc(40_000);
        } finally {
          returned();
        }
      })(),
    });
    peer().send(wire.answer(1, 0, [], 413), wire.data(1, "enough", end));
    expect(await settled(asked)).toMatchObject({ status: 413, text: "enough" });
    expect((await peer().next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.cancelled);
    await until("the body is stopped", () => returned.mock.calls.length === 1);
    expect(transport.stats().exchanges.inFlight).toBe(0);
    await transport.close();
  });

  it("that ended is kept when the server then resets what is left of the request", async () => {
    const { transport, peer, asked } = await ask({ method: "POST", body: neverEnding() });
    peer().send(wire.answer(1, 0), wire.data(1, "ok", end), wire.reset(1, muxCode.none));
    expect(await settled(asked)).toMatchObject({ text: "ok", error: undefined });
    await transport.close();
  });

  const wrong: readonly {
    readonly what: string;
    readonly frames: readonly Uint8Array[];
    readonly code: string;
    readonly method?: string;
    readonly reset?: number;
  }[] = [
    { what: "without a status", frames: [wire.headers(1, [["a", "1"]], end)], code: "PROTOCOL_ERROR" },
    { what: "with a status that is none", frames: [wire.answer(1, end, [], 600)], code: "PROTOCOL_ERROR" },
    { what: "with a final status of 1xx", frames: [wire.answer(1, end, [], 103)], code: "PROTOCOL_ERROR" },
    { what: "with an interim status of 200", frames: [wire.answer(1, info, [], 200)], code: "PROTOCOL_ERROR" },
    {
      what: "with an interim head that ends it",
      frames: [wire.answer(1, info | end, [], 103)],
      code: "PROTOCOL_ERROR",
    },
    { what: "that switches protocols", frames: [wire.answer(1, info, [], 101)], code: "PROTOCOL_ERROR" },
    {
      what: "with a block that is cut",
      frames: [wire.frame(type.headers, end, 1, Buffer.alloc(3))],
      code: "PROTOCOL_ERROR",
    },
    { what: "with a body before its head", frames: [wire.data(1, "x")], code: "PROTOCOL_ERROR" },
    { what: "that is an end alone", frames: [wire.data(1, "", end)], code: "PROTOCOL_ERROR" },
    {
      what: "with seventeen interim heads",
      frames: Array.from({ length: 17 }, () => wire.answer(1, info, [], 103)),
      code: "PROTOCOL_ERROR",
    },
    {
      what: "with a length that is none",
      frames: [wire.answer(1, 0, [["content-length", "x"]])],
      code: "PROTOCOL_ERROR",
    },
    {
      what: "with a head over the limit",
      frames: [wire.answer(1, end, [["a", "x".repeat(17_000)]])],
      code: "LIMIT_EXCEEDED",
      reset: muxCode.frameSize,
    },
    {
      what: "shorter than it says",
      frames: [wire.answer(1, 0, [["content-length", "5"]]), wire.data(1, "four", end)],
      code: "TRUNCATED",
    },
    {
      what: "longer than it says",
      frames: [wire.answer(1, 0, [["content-length", "3"]]), wire.data(1, "four")],
      code: "PROTOCOL_ERROR",
    },
    {
      what: "to HEAD with a body",
      method: "HEAD",
      frames: [wire.answer(1, 0), wire.data(1, "x")],
      code: "PROTOCOL_ERROR",
    },
    {
      what: "of 204 with a body",
      frames: [wire.answer(1, 0, [], 204), wire.data(1, "x", end)],
      code: "PROTOCOL_ERROR",
    },
    {
      what: "with trailers that end nothing",
      frames: [wire.answer(1, 0), wire.headers(1, [["a", "1"]])],
      code: "PROTOCOL_ERROR",
    },
    {
      what: "with a pseudo-field in its trailers",
      frames: [wire.answer(1, 0), wire.headers(1, [[":status", "200"]], end)],
      code: "PROTOCOL_ERROR",
    },
    {
      what: "with an interim head behind its head",
      frames: [wire.answer(1, 0), wire.answer(1, info | end, [], 103)],
      code: "PROTOCOL_ERROR",
    },
  ];
  it.each(wrong)("$what fails its exchange alone, with $code", async ({ frames, code, method, reset }) => {
    const { transport, peer, asked } = await ask({ method: method ?? "GET" });
    const other = outcome(transport);
    await until("both are asked", () => peer().of(type.headers).length === 2);
    peer().send(...frames);
    expect((await settled(asked)).error).toMatchObject({ code });
    expect((await peer().next(type.reset, 1)).payload.readUInt32BE()).toBe(reset ?? muxCode.protocol);
    peer().send(wire.answer(3, 0), wire.data(3, "fine", end));
    expect((await settled(other)).text).toBe("fine");
    expect(transport.stats().exchanges.inFlight).toBe(0);
    await transport.close();
  });

  it.each([
    { what: "HEAD", method: "HEAD", status: 200 },
    { what: "304", method: "GET", status: 304 },
  ])("of $what may say the length of what it does not send", async ({ method, status }) => {
    const { transport, peer, asked } = await ask({ method });
    peer().send(wire.answer(1, end, [["content-length", "1000"]], status));
    expect(await settled(asked)).toMatchObject({ status, text: "" });
    await transport.close();
  });
});

async function* neverEnding(): AsyncGenerator<Uint8Array> {
  for (;;) yield Buffer.alloc(40_000);
}

describe("a RESET", () => {
  const before: readonly { readonly code: number; readonly means: string; readonly delivery: string }[] = [
    { code: muxCode.internal, means: "STREAM_RESET", delivery: "maybe-sent" },
    { code: muxCode.cancelled, means: "STREAM_RESET", delivery: "maybe-sent" },
    { code: muxCode.deadline, means: "DEADLINE_EXCEEDED", delivery: "maybe-sent" },
    { code: muxCode.frameSize, means: "LIMIT_EXCEEDED", delivery: "maybe-sent" },
    { code: muxCode.overload, means: "STREAM_RESET", delivery: "maybe-sent" },
    { code: 1_000, means: "STREAM_RESET", delivery: "maybe-sent" },
  ];
  it.each(before)("with code $code before the head is $means", async ({ code, means, delivery }) => {
    const { transport, peer, asked } = await ask({ method: "POST", body: "x" });
    peer().send(wire.reset(1, code, "because\r\nof"));
    const { error } = await settled(asked);
    expect(error).toMatchObject({ code: means, delivery });
    expect(error?.cause).toMatchObject({ message: `RESET, code ${code}: because  of` });
    await transport.close();
  });

  it("for refusal sends the request again, whatever its method", async () => {
    const { transport, peer, asked } = await ask({ method: "POST", body: "x" });
    peer().send(wire.reset(1, muxCode.refused));
    await until("it asks again", () => peer().of(type.headers).length === 2);
    peer().send(wire.answer(3));
    expect(await settled(asked)).toMatchObject({ status: 200 });
    expect(transport.stats().totals.exchangesReplayed).toBe(1);
    await transport.close();
  });

  it("behind the head cuts the body, for refusal too", async () => {
    const { transport, peer, asked } = await ask();
    peer().send(wire.answer(1, 0), wire.data(1, "half"), wire.reset(1, muxCode.refused));
    expect((await settled(asked)).error).toMatchObject({ code: "TRUNCATED", delivery: "answered" });
    expect(peer().of(type.headers)).toHaveLength(1);
    await transport.close();
  });
});

describe("a caller that gives up", () => {
  it("resets its stream, and what is on its way is passed over, trailers too", async () => {
    const abort = new AbortController();
    const { transport, peer, asked } = await ask({ signal: abort.signal });
    abort.abort();
    expect((await settled(asked)).error).toMatchObject({ code: "ABORTED" });
    expect((await peer().next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.cancelled);
    peer().send(wire.answer(1, 0), wire.data(1, "late"), wire.headers(1, [["late", "1"]], end), wire.reset(1, 0));
    const other = outcome(transport);
    await until("it asks", () => peer().of(type.headers).length === 2);
    peer().send(wire.answer(3));
    expect(await settled(other)).toMatchObject({ status: 200 });
    await transport.close();
  });

  it("because of its deadline says so", async () => {
    const { transport, peer, asked } = await ask({ deadlineMs: 30 });
    expect((await settled(asked)).error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect((await peer().next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.deadline);
    await transport.close();
  });

  it("by cancelling the body resets the stream and has not failed", async () => {
    const { transport, peer } = asking();
    const response = transport.request({ url });
    await until("it asks", () => peer().of(type.headers).length === 1);
    peer().send(wire.answer(1, 0), wire.data(1, "x"));
    await (await response).body.cancel();
    expect((await peer().next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.cancelled);
    expect(transport.stats().totals).toMatchObject({ exchangesEnded: 1, exchangesFailed: 0 });
    await transport.close();
  });

  it("may destroy the transport from a callback of its own", async () => {
    const { transport, peer, asked } = await (async () => {
      const ends = asking();
      const asked1 = outcome(ends.transport, { onInformational: () => void ends.transport.destroy() });
      await until("it asks", () => ends.peers.length === 1 && ends.peer().of(type.headers).length === 1);
      return { ...ends, asked: asked1 };
    })();
    peer().send(wire.answer(1, info, [], 103), wire.answer(1, 0), wire.data(1, "x", end), wire.answer(99));
    expect((await settled(asked)).error).toMatchObject({ code: "CLOSED" });
    await transport.close();
    await until("the pipe ends", () => peer().ending !== undefined);
  });

  it("may ask for more from a callback of its own", async () => {
    const more: Outcome[] = [];
    const ends = asking();
    const asked = outcome(ends.transport, {
      onInformational: () => void more.push(outcome(ends.transport, { method: "POST", body: "x" })),
    });
    await until("it asks", () => ends.peers.length === 1 && ends.peer().of(type.headers).length === 1);
    ends.peer().send(wire.answer(1, info, [], 103), wire.answer(1, info, [], 103), wire.answer(1));
    await settled(asked);
    await until("both are asked", () => ends.peer().of(type.data).length === 2);
    ends.peer().send(wire.answer(3), wire.answer(5));
    for (const one of more) expect(await settled(one)).toMatchObject({ status: 200 });
    await ends.transport.close();
  });
});
