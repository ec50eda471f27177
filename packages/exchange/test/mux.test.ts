import { describe, expect, it } from "vitest";
import { answering, asking, failure, outcome } from "./ends.ts";
import { MuxPeer, peerPair, turn, until } from "./mux-peer.ts";
import * as wire from "./wire.ts";
import { answerOver, muxCode, pipePair } from "@holdfast/exchange";

const { end } = wire;

interface Break {
  readonly what: string;
  readonly messages: readonly Uint8Array[];
  readonly code: number;
}

/** What no peer may send, whichever it is. */
const either: readonly Break[] = [
  { what: "an empty message", messages: [Buffer.alloc(0)], code: muxCode.protocol },
  { what: "half a header", messages: [Buffer.from([0, 0, 0, 0])], code: muxCode.frameSize },
  { what: "a payload that is cut", messages: [wire.ping().subarray(0, 15)], code: muxCode.frameSize },
  {
    what: "a frame that is cut behind a whole one",
    messages: [Buffer.concat([wire.ping(), wire.ping().subarray(0, 9)])],
    code: muxCode.frameSize,
  },
  { what: "DATA on stream 0", messages: [wire.data(0, "x")], code: muxCode.protocol },
  { what: "HEADERS on stream 0", messages: [wire.ask(0)], code: muxCode.protocol },
  { what: "RESET on stream 0", messages: [wire.reset(0, 0)], code: muxCode.protocol },
  { what: "a RESET without a code", messages: [wire.frame(2, 0, 1, Buffer.alloc(3))], code: muxCode.frameSize },
  { what: "GOAWAY on a stream", messages: [wire.frame(4, 0, 1, wire.numbers(0, 0))], code: muxCode.protocol },
  { what: "a GOAWAY without a code", messages: [wire.frame(4, 0, 0, wire.numbers(0))], code: muxCode.frameSize },
  { what: "SETTINGS on a stream", messages: [wire.frame(5, 0, 1)], code: muxCode.protocol },
  { what: "SETTINGS of half an entry", messages: [wire.frame(5, 0, 0, Buffer.alloc(7))], code: muxCode.frameSize },
  { what: "PING on a stream", messages: [wire.frame(6, 0, 1, Buffer.alloc(8))], code: muxCode.protocol },
  { what: "a PING of 7 octets", messages: [wire.frame(6, 0, 0, Buffer.alloc(7))], code: muxCode.frameSize },
  { what: "a WINDOW of 3 octets", messages: [wire.frame(3, 0, 0, Buffer.alloc(3))], code: muxCode.frameSize },
  { what: "a WINDOW of 0", messages: [wire.window(0, 0)], code: muxCode.protocol },
  {
    what: "too much credit of the connection",
    messages: [wire.window(0, 2 ** 31 - 65_536)],
    code: muxCode.flowControl,
  },
  { what: "a window that is too large", messages: [wire.settings({ 1: 2 ** 31 })], code: muxCode.protocol },
  { what: "a window that shrinks", messages: [wire.settings({ 1: 65_535 })], code: muxCode.protocol },
  { what: "a connection window that shrinks", messages: [wire.settings({ 2: 65_535 })], code: muxCode.protocol },
  { what: "a frame size that shrinks", messages: [wire.settings({ 4: 16_383 })], code: muxCode.protocol },
  { what: "a frame size over 65,535", messages: [wire.settings({ 4: 65_536 })], code: muxCode.protocol },
  { what: "a block size that shrinks", messages: [wire.settings({ 5: 65_535 })], code: muxCode.protocol },
  { what: "DATA of 16,385 octets", messages: [wire.data(1, 16_385)], code: muxCode.frameSize },
  { what: "RESET of a stream that nobody opened", messages: [wire.reset(77, 0)], code: muxCode.protocol },
  { what: "WINDOW of a stream that nobody opened", messages: [wire.window(77, 1)], code: muxCode.protocol },
  { what: "DATA of a stream that nobody opened", messages: [wire.data(77, "x")], code: muxCode.protocol },
];

describe("the answering end gives a connection up for", () => {
  const open = wire.ask(1, 0, [], "/", "POST");
  const more: readonly Break[] = [
    { what: "HEADERS on an even stream", messages: [wire.ask(2)], code: muxCode.protocol },
    { what: "an id that goes backwards", messages: [wire.ask(5, 0), wire.ask(3, 0)], code: muxCode.streamClosed },
    { what: "HEADERS behind END", messages: [wire.ask(1), wire.ask(1)], code: muxCode.streamClosed },
    {
      what: "DATA behind END",
      messages: [Buffer.concat([wire.ask(1), wire.data(1, "x")])],
      code: muxCode.streamClosed,
    },
    {
      what: "DATA behind the END of DATA",
      messages: [Buffer.concat([open, wire.data(1, "x", end), wire.data(1, "", end)])],
      code: muxCode.streamClosed,
    },
    {
      what: "trailers behind trailers",
      messages: [Buffer.concat([open, wire.headers(1, [], end), wire.headers(1, [], end)])],
      code: muxCode.streamClosed,
    },
    { what: "DATA behind a RESET", messages: [open, wire.reset(1, 7), wire.data(1, "x")], code: muxCode.streamClosed },
    { what: "DATA of an even stream", messages: [wire.data(2, "x")], code: muxCode.protocol },
    {
      what: "too much credit by SETTINGS",
      messages: [wire.window(0, 2 ** 31 - 1 - 65_536), wire.settings({ 2: 65_537 })],
      code: muxCode.flowControl,
    },
    {
      what: "too much credit of a stream by SETTINGS",
      messages: [open, wire.window(1, 2 ** 31 - 1 - 65_536), wire.settings({ 1: 65_537 })],
      code: muxCode.flowControl,
    },
  ];
  it.each([...either, ...more])("$what", async ({ messages, code }) => {
    let waiting = 0;
    const { peer, end: answers } = answering(() => {
      waiting++;
      return new Promise(() => {});
    });
    for (const message of messages) peer.send(message);
    const { closed, ...seen } = await peer.violation();
    expect(seen.code, seen.reason).toBe(code);
    expect(closed).toBe(true);
    await answers.closed;
    expect(answers.openStreams).toBe(0);
    expect(waiting).toBeLessThan(3);
  });

  it("a text message", async () => {
    const { peer } = answering();
    peer.sendText("hello");
    expect(await peer.violation()).toMatchObject({ code: muxCode.protocol, closed: true });
  });

  it("anything before SETTINGS", async () => {
    const { pipe, peer } = peerPair();
    answerOver(pipe, () => ({}));
    peer.send(wire.ask(1));
    expect(await peer.violation()).toMatchObject({ code: muxCode.protocol, closed: true });
  });

  it("first SETTINGS that lower what holds without them", async () => {
    const { peer } = answering(undefined, {}, { 1: 1_000 });
    expect(await peer.violation()).toMatchObject({ code: muxCode.protocol, closed: true });
  });
});

describe("the asking end gives a connection up for", () => {
  const more: readonly Break[] = [
    { what: "HEADERS on an odd stream that it has not opened", messages: [wire.answer(3)], code: muxCode.protocol },
    {
      what: "DATA behind END",
      messages: [Buffer.concat([wire.answer(1), wire.data(1, "x")])],
      code: muxCode.streamClosed,
    },
    { what: "HEADERS behind END", messages: [wire.answer(1), wire.answer(1)], code: muxCode.streamClosed },
    {
      what: "RESET, and DATA behind it",
      messages: [wire.answer(1, 0), wire.reset(1, 2), wire.data(1, "x")],
      code: muxCode.streamClosed,
    },
  ];
  it.each([...either, ...more])("$what", async ({ messages, code }) => {
    const { transport, peer } = asking();
    const asked = outcome(transport);
    await until("it asks", () => peer().of(wire.type.headers).length === 1);
    for (const message of messages) peer().send(message);
    const { closed, ...seen } = await peer().violation();
    expect(seen.code, seen.reason).toBe(code);
    expect(closed).toBe(true);
    await asked.done;
    await transport.close();
  });

  it("anything before SETTINGS, and says that the peer speaks something else", async () => {
    const { transport, peer } = asking({}, (one) => one.send(wire.ping()));
    const error = await failure(transport.request({ url: "http://a.example/" }));
    expect(error).toMatchObject({ code: "NEGOTIATION_FAILED", delivery: "not-sent", phase: "secure" });
    expect(await peer().violation()).toMatchObject({ code: muxCode.protocol, closed: true });
    await transport.close();
  });

  it("a text message", async () => {
    const { transport, peer } = asking({}, (one) => one.sendText("hello"));
    await failure(transport.request({ url: "http://a.example/" }));
    expect(await peer().violation()).toMatchObject({ code: muxCode.protocol, closed: true });
    await transport.close();
  });
});

describe("what nobody knows yet", () => {
  it("is passed over: types, flags, settings and pseudo-fields", async () => {
    const { peer } = answering(
      ({ url, headers }) => ({ body: `${url.pathname} ${JSON.stringify(headers)}` }),
      {},
      {
        9: 1,
        65_535: 0,
      },
    );
    const odd = wire.block([
      [":method", "GET"],
      [":later", "1"],
      [":path", "/seen"],
      [":authority", "a.example"],
    ]);
    peer.send(
      wire.frame(7, 15, 0, Buffer.alloc(9)),
      wire.frame(15, 1, 999, Buffer.alloc(0)),
      wire.frame(wire.type.headers, 0b1101, 1, odd),
    );
    await peer.next(wire.type.headers, 1);
    const { payload, flags } = await peer.next(wire.type.data, 1);
    expect(payload.toString()).toBe("/seen {}");
    expect(flags).toBe(end);
    peer.close();
  });

  it("costs the peer its connection if there is no end of it", async () => {
    const { peer } = answering();
    for (let i = 0; i < 12; i++) peer.send(...Array.from({ length: 100 }, () => wire.frame(9, 0, 0)));
    expect(await peer.violation()).toMatchObject({ code: muxCode.overload, closed: true });
  });
});

describe("a flood of frames that cost nothing ends with overload:", () => {
  const open = wire.ask(1, 0, [], "/", "POST");
  const floods: readonly { readonly what: string; readonly of: (i: number) => Uint8Array }[] = [
    { what: "PING", of: () => wire.ping() },
    { what: "SETTINGS", of: () => wire.settings() },
    { what: "GOAWAY", of: (i) => (i === 0 ? open : wire.goAway(0)) },
    { what: "empty DATA", of: (i) => (i === 0 ? open : wire.data(1, "")) },
    { what: "streams beyond the limit", of: (i) => wire.ask(2 * i + 1, 0, [], "/", "POST") },
    { what: "RESET of a stream that has ended", of: (i) => (i === 0 ? wire.ask(1) : wire.reset(1, 0)) },
  ];
  it.each(floods)("$what", async ({ of }) => {
    const { peer, end: answers } = answering(({ method }) => (method === "GET" ? { body: "" } : new Promise(() => {})));
    for (let i = 0; i < 100; i++) {
      peer.send(...Array.from({ length: 100 }, (_, j) => of(100 * i + j)));
      await turn();
    }
    expect(await peer.violation()).toMatchObject({ code: muxCode.overload, closed: true });
    await answers.closed;
  });

  it("ten thousand streams opened and reset start no more handlers than there may be streams", async () => {
    let running = 0;
    let most = 0;
    const { peer, end: answers } = answering(
      async ({ signal }) => {
        most = Math.max(most, ++running);
        // It goes on for a while after its client has left.
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        for (let i = 0; i < 5; i++) await turn();
        running--;
        return {};
      },
      { maxStreams: 10 },
    );
    for (let i = 0; i < 100; i++) {
      const frames = Array.from({ length: 100 }, (_, j) => 200 * i + 2 * j + 1);
      peer.send(...frames.flatMap((id) => [wire.ask(id, 0), wire.reset(id, 7)]));
    }
    expect(await peer.violation()).toMatchObject({ code: muxCode.overload });
    await answers.closed;
    await until("the handlers are done", () => running === 0);
    expect(most).toBe(10);
  });

  it("streams that a server opens, at the asking end", async () => {
    const { transport, peer } = asking();
    const asked = outcome(transport);
    await until("it asks", () => peer().of(wire.type.headers).length === 1);
    for (let i = 0; i < 20; i++)
      peer().send(...Array.from({ length: 100 }, (_, j) => wire.ask(200 * i + 2 * j + 2, 0)));
    expect(await peer().violation()).toMatchObject({ code: muxCode.overload, closed: true });
    await asked.done;
    await transport.close();
  });
});

describe("a stream that a server opens", () => {
  it("is refused, and what follows on it is passed over", async () => {
    const { transport, peer } = asking();
    const asked = outcome(transport);
    await until("it asks", () => peer().of(wire.type.headers).length === 1);
    peer().send(wire.ask(2, 0), wire.data(2, "x"), wire.headers(2, [], end));
    const refused = await peer().next(wire.type.reset, 2);
    expect(refused.payload.readUInt32BE()).toBe(muxCode.refused);
    peer().send(wire.answer(1, 0), wire.data(1, "ok", end));
    await asked.done;
    expect(asked.text).toBe("ok");
    await transport.close();
  });
});

describe("streams that were reset", () => {
  it("may still be written to by a peer that did not know, more than a thousand of them", async () => {
    const { peer, end: answers } = answering(() => ({ body: "" }));
    const ids = Array.from({ length: 1_500 }, (_, i) => 2 * i + 1);
    // Each is answered before its body has come, and so reset.
    for (const id of ids) {
      peer.send(wire.ask(id, 0, [], "/", "POST"));
      await peer.next(wire.type.reset, id);
    }
    for (const id of ids) peer.send(wire.data(id, "late"), wire.window(id, 1), wire.headers(id, [["late", "1"]], end));
    peer.send(wire.ask(9_999));
    expect((await peer.next(wire.type.headers, 9_999)).stream).toBe(9_999);
    expect(answers.openStreams).toBe(0);
    peer.close();
  });

  it("may be reset by their peer at the same time, however many", async () => {
    const { peer } = answering(() => ({ body: "" }));
    for (let i = 0; i < 3_000; i++) {
      peer.send(wire.ask(2 * i + 1, 0, [], "/", "POST"));
      if (i % 50 === 49) await turn();
    }
    await until("all are reset", () => peer.of(wire.type.reset).length === 3_000);
    for (let i = 0; i < 3_000; i++) peer.send(wire.reset(2 * i + 1, 7));
    peer.send(wire.ask(9_999));
    await peer.next(wire.type.headers, 9_999);
    peer.close();
  });
});

describe("the end of a connection", () => {
  it("is told once to each stream, and to its owner, also when a handler ends it at once", async () => {
    const { peer, end: answers } = answering(() => {
      answers.destroy(new Error("enough"));
      return { body: "never sent" };
    });
    peer.send(wire.ask(1), wire.ask(3), wire.data(77, "x"));
    await answers.closed;
    expect(peer.of(wire.type.headers)).toEqual([]);
    expect(answers.openStreams).toBe(0);
    answers.destroy();
  });

  it("leaves no DATA behind a GOAWAY for a broken rule", async () => {
    const { peer } = answering(() => ({ body: Buffer.alloc(900_000) }), {}, { 1: 1_000_000, 2: 1_000_000 });
    peer.send(wire.ask(1));
    await peer.next(wire.type.headers, 1);
    peer.send(wire.ask(3), wire.window(0, 0));
    expect(await peer.violation()).toMatchObject({ code: muxCode.protocol });
    expect(peer.frames.at(-1)?.type).toBe(wire.type.goAway);
  });

  it("names in its GOAWAY the last stream that was looked at, not those that were refused", async () => {
    const { peer } = answering(() => new Promise(() => {}), { maxStreams: 1 });
    peer.send(wire.ask(7, 0), wire.ask(9, 0), wire.window(0, 0));
    await peer.violation();
    expect(peer.of(wire.type.reset, 9)).toHaveLength(1);
    expect(peer.of(wire.type.goAway)[0]?.payload.readUInt32BE()).toBe(7);
  });

  it("comes by destroy() too when the far end does not answer a close", async () => {
    const [near, far] = pipePair();
    const ends: string[] = [];
    const mute = {
      start: near.start.bind(near),
      send: near.send.bind(near),
      close: () => void ends.push("close"),
      destroy: (reason?: unknown) => {
        ends.push("destroy");
        near.destroy(reason);
      },
    };
    const answers = answerOver(mute, () => ({}));
    const peer = new MuxPeer(far);
    peer.send(wire.settings());
    await peer.next(wire.type.settings);
    const drained = answers.drain({ deadlineMs: Infinity });
    answers.destroy();
    await drained;
    expect(ends).toEqual(["close", "destroy"]);
  });
});
