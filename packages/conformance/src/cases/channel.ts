import assert from "node:assert/strict";
import type { Channel, Message } from "@holdfast/transport";
import { type Case, type Fixture, rule, urlOf } from "../case.ts";
import { expectFailure, rejection, withinOneTurn } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { steady } from "../turn.ts";

/** A rule of channels. */
function channelRule(id: string, title: string, run: (fixture: Fixture) => Promise<void>): Case {
  return rule(`channel/${id}`, title, run, "channel");
}

async function next(messages: AsyncIterator<Message>): Promise<Message> {
  const { done, value } = await messages.next();
  assert.notEqual(done, true, "the channel has ended");
  return value as Message;
}

async function readAll(channel: Channel): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of channel) messages.push(message);
  return messages;
}

/** Messages both ways, and how a channel begins. */
const messageCases: readonly Case[] = [
  channelRule("echo", "messages arrive whole and in order, text as text and bytes as bytes", async (fixture) => {
    await using transport = await fixture.createTransport();
    const channel = await transport.open({ url: urlOf(fixture, "/channel/echo") });
    const sent: Message[] = ["first", pattern(3), "", pattern(0), "ünï\u{1f600}", pattern(70_000)];
    for (let i = 0; i < 100; i++) sent.push(i % 2 === 0 ? `message ${i}` : pattern(i, i));
    for (const message of sent) await channel.send(message);
    const messages = channel[Symbol.asyncIterator]();
    for (const [index, message] of sent.entries()) {
      const came = await next(messages);
      assert.equal(typeof came, typeof message, `message ${index} changed its kind`);
      assert.ok(Buffer.from(came as string).equals(Buffer.from(message as string)), `message ${index} has changed`);
    }
    await channel.close();
  }),
  channelRule("many", "channels to one origin are independent of each other", async (fixture) => {
    await using transport = await fixture.createTransport();
    const url = urlOf(fixture, "/channel/echo");
    const channels = await Promise.all(Array.from({ length: 5 }, () => transport.open({ url })));
    await Promise.all(channels.map((channel, index) => channel.send(`to ${index}`)));
    await channels[0]?.close();
    for (const [index, channel] of channels.entries())
      if (index > 0) assert.equal(await next(channel[Symbol.asyncIterator]()), `to ${index}`);
    await Promise.all(channels.map((channel) => channel.close()));
  }),
  channelRule(
    "connection",
    "a channel tells its connection, and stats() counts it while it is open",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const channel = await transport.open({ url: urlOf(fixture, "/channel/echo") });
      const { protocol, origin, id } = channel.connection;
      assert.equal(protocol, transport.protocol);
      assert.equal(origin, new URL(fixture.origin.url).origin);
      assert.notEqual(id, "");
      if (fixture.traits.sockets) assert.equal(transport.stats().connections.active, 1);
      await channel.close();
      assert.equal(transport.stats().connections.active, 0);
    },
  ),
  channelRule("subprotocol", "the sub-protocol is the one that the origin chose of those offered", async (fixture) => {
    await using transport = await fixture.createTransport();
    const url = urlOf(fixture, "/channel/echo");
    const channel = await transport.open({ url, subprotocols: ["other.v1", "kit.two", "kit.one"] });
    assert.equal(channel.subprotocol, "kit.two");
    await channel.close();
  }),
  channelRule("no-subprotocol", "where none was offered the sub-protocol is empty", async (fixture) => {
    await using transport = await fixture.createTransport();
    const channel = await transport.open({ url: urlOf(fixture, "/channel/echo") });
    assert.equal(channel.subprotocol, "");
    await channel.close();
  }),
];

const pieceBytes = 65_536;
const mebibyte = 1_024 * 1_024;

/** Neither end sends more than the other takes. */
const pressureCases: readonly Case[] = [
  channelRule("send-waits", "send() waits for an origin that does not read, and nothing is lost", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const channel = await transport.open({ url: urlOf(fixture, "/channel/deaf", id) });
    await control.arrival(id);
    let sent = 0;
    let waiting: Promise<void> | undefined;
    while (waiting === undefined && sent < 1_024) {
      const one = channel.send(pattern(pieceBytes, sent++));
      if (!(await settles(one))) waiting = one;
    }
    assert.ok(waiting !== undefined, `${sent * pieceBytes} bytes were taken, though nobody read`);
    control.release(id);
    await waiting;
    const messages = channel[Symbol.asyncIterator]();
    for (let i = 0; i < sent; i++) assert.equal(await next(messages), String(pieceBytes));
    await channel.close();
  }),
  channelRule(
    "receive-waits",
    "an origin is made to wait for a reader that stalls, who then gets all",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const { control } = fixture.origin;
      const id = control.newId();
      const count = 1_024;
      const path = `/channel/flood?count=${count}&bytes=${pieceBytes}`;
      const channel = await transport.open({ url: urlOf(fixture, path, id) });
      await control.waitFor(() => control.executions(id) > 0);
      const stalledAt = await still(() => control.sentBytes(id));
      assert.ok(stalledAt <= 32 * mebibyte, `${stalledAt} bytes were sent, though nobody read`);
      let expected = 0;
      for await (const message of channel)
        assert.equal(Buffer.from(message as Uint8Array).readUInt32BE(0), expected++, "a message is missing");
      assert.equal(expected, count);
      assert.equal((await channel.closed).code, 1_000);
    },
  ),
];

/** Whether a promise settles in a while in which nothing else happens. */
async function settles(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await steady(() => Number(settled));
  return settled;
}

async function still(value: () => number): Promise<number> {
  let last = await steady(value);
  for (let more = await steady(value); more !== last; more = await steady(value)) last = more;
  return last;
}

/** How a channel ends. */
const endCases: readonly Case[] = [
  channelRule(
    "close",
    "close(code, reason) reaches the origin, settles `closed`, and ends sending",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const { control } = fixture.origin;
      const id = control.newId();
      const channel = await transport.open({ url: urlOf(fixture, "/channel/silent", id) });
      await control.arrival(id);
      await channel.close(4_001, "done");
      await control.departure(id);
      assert.deepEqual(control.closedWith(id), { code: 4_001, reason: "done" });
      assert.equal((await channel.closed).clean, true);
      await expectFailure(channel.send("late"), { code: "CLOSED", delivery: "not-sent" });
      await channel.close();
    },
  ),
  channelRule("close-default", "close() says 1000, and the iteration ends with what came before", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const channel = await transport.open({ url: urlOf(fixture, "/channel/echo", id) });
    await channel.send("before");
    const messages = channel[Symbol.asyncIterator]();
    assert.equal(await next(messages), "before");
    await channel.close();
    assert.equal((await messages.next()).done, true);
    await control.departure(id);
    assert.equal(control.closedWith(id)?.code, 1_000);
  }),
  ...[
    [1_000, ""],
    [1_011, "it failed"],
    [4_999, "enough"],
  ].map(([code, reason]) =>
    channelRule(
      `closed-by-origin-${code}`,
      `a channel that the origin closes with ${code} says so, and its iteration ends`,
      async (fixture) => {
        await using transport = await fixture.createTransport();
        const path = `/channel/close?code=${code}&reason=${encodeURIComponent(reason as string)}`;
        const channel = await transport.open({ url: urlOf(fixture, path) });
        await channel.send("now");
        assert.deepEqual(await readAll(channel), []);
        assert.deepEqual({ ...(await channel.closed) }, { code, reason, clean: true });
        await expectFailure(channel.send("late"), { code: "CLOSED", delivery: "not-sent" });
      },
    ),
  ),
  channelRule(
    "lost",
    "a channel whose connection is lost throws CONNECTION_LOST, and was not closed cleanly",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const channel = await transport.open({ url: urlOf(fixture, "/channel/drop") });
      await channel.send("now");
      await expectFailure(readAll(channel), { code: "CONNECTION_LOST", phase: "channel" });
      const { code, clean } = await channel.closed;
      assert.deepEqual({ code, clean }, { code: 1_006, clean: false });
      await expectFailure(channel.send("late"), { code: ["CLOSED", "CONNECTION_LOST"] });
    },
  ),
  channelRule("destroy", "destroy() ends a channel now, and its reader hears of it", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const channel = await transport.open({ url: urlOf(fixture, "/channel/silent", id) });
    await control.arrival(id);
    const read = rejection(readAll(channel));
    channel.destroy(new Error("enough"));
    await control.departure(id);
    assert.equal((await channel.closed).clean, false);
    assert.notEqual(await read, undefined);
  }),
  channelRule("dispose", "a channel that is disposed of is closed", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    {
      await using channel = await transport.open({ url: urlOf(fixture, "/channel/echo", id) });
      await channel.send("hello");
    }
    await control.departure(id);
    assert.equal(control.closedWith(id)?.code, 1_000);
  }),
  channelRule("transport-close", "close() of the transport says goodbye on its channels", async (fixture) => {
    const transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const channel = await transport.open({ url: urlOf(fixture, "/channel/silent", id) });
    await control.arrival(id);
    await transport.close();
    assert.equal((await channel.closed).clean, true);
    await control.departure(id);
    assert.equal(control.closedWith(id)?.code, 1_001);
  }),
  channelRule("transport-destroy", "destroy() of the transport ends its channels", async (fixture) => {
    const transport = await fixture.createTransport();
    const channel = await transport.open({ url: urlOf(fixture, "/channel/silent") });
    const read = rejection(readAll(channel));
    await transport.destroy();
    await channel.closed;
    assert.notEqual(await read, undefined);
  }),
];

/** A channel that does not come to be. */
const failureCases: readonly Case[] = [
  channelRule("refused", "an origin that takes no channel there is an error, and nothing was sent", async (fixture) => {
    await using transport = await fixture.createTransport();
    const error = await expectFailure(transport.open({ url: urlOf(fixture, "/no-such-channel") }), {
      code: ["NEGOTIATION_FAILED", "REFUSED"],
    });
    assert.equal(error.replaySafe, true);
    assert.equal(transport.stats().connections.active, 0);
  }),
  channelRule("aborted-before", "a channel is not opened for a signal that has fired", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const reason = new Error("not any more");
    const opening = transport.open({ url: urlOf(fixture, "/channel/echo", id), signal: AbortSignal.abort(reason) });
    const error = await expectFailure(opening, { code: "ABORTED", delivery: "not-sent" });
    assert.equal(error.cause, reason);
    assert.equal(control.executions(id), 0);
  }),
  channelRule("aborted-opening", "an abort while a channel is opened settles within one turn", async (fixture) => {
    await using transport = await fixture.createTransport();
    const gone = new AbortController();
    const opening = transport.open({ url: urlOf(fixture, "/channel/echo"), signal: gone.signal });
    gone.abort();
    await withinOneTurn(expectFailure(opening, { code: "ABORTED" }));
  }),
  channelRule("aborted-after", "a signal covers the opening only", async (fixture) => {
    await using transport = await fixture.createTransport();
    const gone = new AbortController();
    const channel = await transport.open({ url: urlOf(fixture, "/channel/echo"), signal: gone.signal });
    gone.abort();
    await channel.send("still there");
    assert.equal(await next(channel[Symbol.asyncIterator]()), "still there");
    await channel.close();
  }),
  channelRule("closed-transport", "a closed transport opens no channel", async (fixture) => {
    const transport = await fixture.createTransport();
    await transport.close();
    await expectFailure(transport.open({ url: urlOf(fixture, "/channel/echo") }), {
      code: "CLOSED",
      delivery: "not-sent",
    });
  }),
  ...Object.entries({
    "relative-url": { url: "/channel/echo" },
    header: { headers: { "x-split": "a\r\nb" } },
    subprotocol: { subprotocols: ["not a token"] },
  }).map(([name, wrong]) =>
    channelRule(`bad-${name}`, `a request with a bad ${name} opens nothing`, async (fixture) => {
      await using transport = await fixture.createTransport();
      const error = await rejection(transport.open({ url: urlOf(fixture, "/channel/echo"), ...wrong }));
      assert.ok(error instanceof TypeError, `it is ${String(error)}, not a TypeError`);
      assert.equal(transport.stats().totals.connectionsOpened, 0);
    }),
  ),
];

/** Ordered messages both ways. */
export const channelCases: readonly Case[] = [...messageCases, ...pressureCases, ...endCases, ...failureCases];
