import assert from "node:assert/strict";
import { rule, urlOf, type Case } from "../case.ts";
import { rejection } from "../expect-failure.ts";
import { occupy } from "./occupy.ts";

const nothing = {
  connections: { connecting: 0, active: 0, idle: 0, draining: 0 },
  exchanges: { queued: 0, inFlight: 0 },
};

/** Counters that add up. */
export const statsCases: readonly Case[] = [
  rule("stats/new", "a new transport has counted nothing", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { totals, ...now } = transport.stats();
    assert.deepEqual(now, { ...nothing, origins: {} });
    assert.deepEqual(new Set(Object.values(totals)), new Set([0]));
  }),
  rule("stats/under-way", "what is queued and in flight is counted, by origin too", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const occupant = await occupy(fixture, transport);
    const queued = transport.request({ url: urlOf(fixture, "/bytes/1") });
    const { connections, exchanges, origins } = transport.stats();
    assert.deepEqual(exchanges, { queued: 1, inFlight: 1 });
    assert.deepEqual(connections, { connecting: 0, active: 1, idle: 0, draining: 0 });
    assert.deepEqual(origins, { [new URL(fixture.origin.url).origin]: { connections, exchanges } });
    await occupant.leave();
    await (await queued).body.bytes();
  }),
  rule("stats/after", "started is ended plus failed when nothing is under way", async (fixture) => {
    await using transport = await fixture.createTransport();
    const ask = async (path: string): Promise<void> =>
      void (await (await transport.request({ url: urlOf(fixture, path), method: "POST" })).body.bytes());
    await Promise.allSettled(["/bytes/1", "/bytes/1", "/no-answer", "/cut/1", "/status/500"].map(ask));
    const { exchanges, totals } = transport.stats();
    assert.deepEqual(exchanges, nothing.exchanges);
    assert.equal(totals.exchangesStarted, 5);
    assert.equal(totals.exchangesEnded, 3);
    assert.equal(totals.exchangesFailed, 2);
    assert.equal(totals.responsesLeaked, 0);
  }),
  rule("stats/given-up", "a body that its reader gave up counts as ended, an abort as failed", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const gone = new AbortController();
    const first = await transport.request({ url: urlOf(fixture, "/half", control.newId()) });
    await first.body.cancel();
    const second = await transport.request({ url: urlOf(fixture, "/half", control.newId()), signal: gone.signal });
    gone.abort();
    await rejection(second.body.bytes());
    const { exchangesEnded, exchangesFailed } = transport.stats().totals;
    assert.deepEqual({ exchangesEnded, exchangesFailed }, { exchangesEnded: 1, exchangesFailed: 1 });
  }),
  rule(
    "stats/refused",
    "what was never accepted counts as refused, and what is not a request does not count",
    async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: 1, maxQueued: 0 });
      const occupant = await occupy(fixture, transport);
      await rejection(transport.request({ url: urlOf(fixture, "/bytes/1") }));
      await rejection(transport.request({ url: "/relative" }));
      await rejection(transport.request({ url: urlOf(fixture, "/bytes/1"), signal: AbortSignal.abort() }));
      const { exchangesStarted, exchangesRefused } = transport.stats().totals;
      assert.deepEqual({ exchangesStarted, exchangesRefused }, { exchangesStarted: 1, exchangesRefused: 2 });
      await occupant.leave();
      assert.equal(transport.stats().totals.exchangesFailed, 0);
    },
  ),
  rule("stats/closed", "a closed transport has nothing open, and has closed what it opened", async (fixture) => {
    const transport = await fixture.createTransport();
    await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
    await transport.close();
    const { totals, ...now } = transport.stats();
    assert.deepEqual(now, { ...nothing, origins: {} });
    assert.ok(totals.connectionsOpened > 0);
    assert.equal(totals.connectionsClosed, totals.connectionsOpened);
  }),
  rule("stats/snapshot", "a snapshot does not change afterwards", async (fixture) => {
    await using transport = await fixture.createTransport();
    const before = transport.stats();
    const copy = structuredClone(before);
    await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
    assert.deepEqual(before, copy);
  }),
  rule("stats/connections", "the origin sees as many connections as the transport counts", async (fixture) => {
    if (!fixture.traits.sockets) return;
    const { control } = fixture.origin;
    const before = control.connections;
    await using transport = await fixture.createTransport();
    await Promise.all(
      [1, 2, 3, 4].map(async (size) =>
        (await transport.request({ url: urlOf(fixture, `/bytes/${size}`) })).body.bytes(),
      ),
    );
    assert.equal(control.connections - before, transport.stats().totals.connectionsOpened);
  }),
];
