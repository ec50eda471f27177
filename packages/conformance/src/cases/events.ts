import assert from "node:assert/strict";
import { subscribe, unsubscribe, type ChannelListener } from "node:diagnostics_channel";
import { events, isTransportError, type ConnectionEvent, type ExchangeEvent } from "@holdfast/transport";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure, rejection } from "../expect-failure.ts";
import { occupy } from "./occupy.ts";

interface Heard<E> {
  readonly name: string;
  readonly event: E;
}

/** Everything that is published while it stands. */
class Listener implements Disposable {
  readonly exchanges: Heard<ExchangeEvent>[] = [];
  readonly connections: Heard<ConnectionEvent>[] = [];
  readonly #listeners = new Map<string, ChannelListener>();

  constructor() {
    for (const channel of Object.values(events)) {
      const name = String(channel.name);
      const list: Heard<unknown>[] = name.startsWith("holdfast:connection:") ? this.connections : this.exchanges;
      const listener: ChannelListener = (event) =>
        void list.push({ name: name.slice(name.lastIndexOf(":") + 1), event });
      this.#listeners.set(name, listener);
      subscribe(name, listener);
    }
  }

  /** The names of each exchange's events, in order. */
  byExchange(): string[] {
    const names = new Map<number, string[]>();
    for (const { name, event } of this.exchanges)
      names.set(event.exchange, [...(names.get(event.exchange) ?? []), name]);
    return [...names.values()].map((list) => list.join(" ")).toSorted();
  }

  byConnection(): string[] {
    const names = new Map<string, string[]>();
    for (const { name, event } of this.connections)
      names.set(event.connection, [...(names.get(event.connection) ?? []), name]);
    return [...names.values()].map((list) => list.join(" "));
  }

  [Symbol.dispose](): void {
    for (const [name, listener] of this.#listeners) unsubscribe(name, listener);
  }
}

/** What is published, and in which order. */
export const eventCases: readonly Case[] = [
  rule("events/success", "an exchange publishes queue, start, head and end", async (fixture) => {
    using heard = new Listener();
    await using transport = await fixture.createTransport();
    await (await transport.request({ url: urlOf(fixture, "/bytes/10") })).body.bytes();
    assert.deepEqual(heard.byExchange(), ["queue start head end"]);
  }),
  rule(
    "events/failures",
    "every accepted exchange publishes exactly one end or fail, wherever it failed",
    async (fixture) => {
      using heard = new Listener();
      await using transport = await fixture.createTransport({ maxConcurrent: 1, maxQueued: 1 });
      const ask = async (path: string): Promise<void> =>
        void (await (await transport.request({ url: urlOf(fixture, path), method: "POST" })).body.bytes());
      await rejection(ask("/no-answer"));
      await rejection(ask("/cut/10"));
      const occupant = await occupy(fixture, transport);
      const gone = new AbortController();
      const queued = rejection(transport.request({ url: urlOf(fixture, "/bytes/1"), signal: gone.signal }));
      // Refused for want of room, so never accepted.
      await rejection(ask("/bytes/1"));
      gone.abort();
      await queued;
      await occupant.leave();
      assert.deepEqual(heard.byExchange(), [
        "queue fail",
        "queue start fail",
        "queue start head end",
        "queue start head fail",
      ]);
    },
  ),
  ...(["exchangeQueue", "exchangeStart"] as const).map((moment) =>
    rule(
      `events/ended-${moment === "exchangeQueue" ? "queued" : "started"}`,
      `an exchange that is aborted by who hears of it (${String(events[moment].name)}) is not sent, and gives its place back`,
      async (fixture) => {
        await using transport = await fixture.createTransport({ maxConcurrent: 1 });
        const { control } = fixture.origin;
        const id = control.newId();
        const gone = new AbortController();
        const { name } = events[moment];
        const listener = (): void => gone.abort();
        subscribe(name, listener);
        await expectFailure(
          transport.request({ url: urlOf(fixture, "/inspect", id), method: "POST", body: "x", signal: gone.signal }),
          { code: "ABORTED", delivery: "not-sent" },
        ).finally(() => unsubscribe(name, listener));
        await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
        assert.equal(control.executions(id), 0);
        assert.deepEqual(transport.stats().exchanges, { queued: 0, inFlight: 0 });
      },
    ),
  ),
  rule("events/cancel", "a body that is given up publishes end", async (fixture) => {
    using heard = new Listener();
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/half", fixture.origin.control.newId()) });
    await response.body.cancel();
    assert.deepEqual(heard.byExchange(), ["queue start head end"]);
  }),
  rule(
    "events/payload",
    "events carry the OpenTelemetry attributes, the connection and the timings",
    async (fixture) => {
      using heard = new Listener();
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, "/status/404"), method: "POST" });
      await response.body.bytes();
      const { hostname, port, protocol } = new URL(fixture.origin.url);
      for (const { event } of heard.exchanges) {
        assert.equal(event["http.request.method"], "POST");
        assert.equal(event["server.address"], hostname);
        assert.equal(event["server.port"], port === "" ? (protocol === "https:" ? 443 : 80) : Number(port));
        assert.equal(event["url.scheme"], protocol.slice(0, -1));
        assert.ok(event["network.protocol.name"].length > 0);
      }
      const [, start, head, end] = heard.exchanges.map(({ event }) => event);
      assert.equal(start?.connection, response.connection.id);
      assert.equal(head?.["http.response.status_code"], 404);
      assert.equal(end?.["http.response.status_code"], 404);
      assert.equal(typeof end?.timings?.end, "number");
    },
  ),
  rule("events/fail-payload", "a failure carries its error and its code", async (fixture) => {
    using heard = new Listener();
    await using transport = await fixture.createTransport();
    const error = await rejection(transport.request({ url: urlOf(fixture, "/no-answer"), method: "POST" }));
    const { event } = heard.exchanges.findLast(({ name }) => name === "fail") ?? assert.fail("no fail event");
    assert.ok(isTransportError(error));
    assert.equal(event.error, error);
    assert.equal(event["error.type"], error.code);
  }),
  rule("events/discreet", "no event carries a path, a field or a body", async (fixture) => {
    using heard = new Listener();
    const secret = "s3cr3t";
    await using transport = await fixture.createTransport();
    const request = { method: "POST", headers: { authorization: secret }, body: secret };
    await (await transport.request({ ...request, url: urlOf(fixture, `/echo/${secret}?${secret}`) })).body.bytes();
    await rejection(transport.request({ ...request, url: urlOf(fixture, `/no-answer/${secret}?${secret}`) }));
    const text = JSON.stringify([heard.exchanges, heard.connections]);
    assert.ok(!text.includes(secret), text);
  }),
  rule("events/connection", "every dial has one close", async (fixture) => {
    using heard = new Listener();
    const transport = await fixture.createTransport();
    await Promise.all(
      [1, 2, 3].map(async () => (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes()),
    );
    await transport.close();
    assert.equal(heard.byConnection().length, transport.stats().totals.connectionsOpened);
    for (const names of heard.byConnection()) assert.match(names, /^dial open( drain)? close$/);
  }),
  rule(
    "events/start-after-open",
    "an exchange starts on a connection that is open, and ends before it is closed",
    async (fixture) => {
      const order: string[] = [];
      const note =
        (name: string): ChannelListener =>
        () =>
          void order.push(name);
      const listeners = [events.connectionOpen, events.exchangeHead, events.exchangeEnd, events.connectionClose].map(
        (channel) => {
          const name = String(channel.name);
          const listener = note(name.slice("holdfast:".length));
          subscribe(name, listener);
          return { name, listener };
        },
      );
      try {
        const transport = await fixture.createTransport();
        await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
        await transport.close();
      } finally {
        for (const { name, listener } of listeners) unsubscribe(name, listener);
      }
      assert.deepEqual(order, ["connection:open", "exchange:head", "exchange:end", "connection:close"]);
    },
  ),
];
