import assert from "node:assert/strict";
import { type Case, type HostileFixture, hostileRule, rule, urlOf } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import type { HostileExchange } from "../hostile/hostile.ts";
import { steady, until } from "../turn.ts";
import { post } from "./next-works.ts";

const paths = (count: number): string[] => Array.from({ length: count }, (_, index) => `/${index}`);

/** The next so many exchanges, once it is clear that no more arrive. */
async function exactly({ origin }: HostileFixture, count: number): Promise<HostileExchange[]> {
  const taken: HostileExchange[] = [];
  while (taken.length < count) taken.push(await origin.next());
  assert.equal(await steady(() => origin.untaken), 0, "more exchanges arrived than there is room for");
  return taken;
}

/** Many exchanges on one connection, and no more than the origin allows. */
export const multiplexingCases: readonly Case[] = [
  rule(
    "multiplexing/shares",
    "twenty exchanges at the same time share one connection, the first included",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const { control } = fixture.origin;
      const before = control.connections;
      const ids = Array.from({ length: 20 }, () => control.newId());
      const answers = ids.map((id) => transport.request({ url: urlOf(fixture, "/gate", id) }));
      await control.waitFor(() => ids.every((id) => control.executions(id) === 1));
      if (fixture.traits.sockets) assert.equal(control.connections - before, 1);
      for (const id of ids) control.release(id);
      const responses = await Promise.all(answers);
      await Promise.all(responses.map(({ body }) => body.text()));
      assert.equal(new Set(responses.map(({ connection }) => connection.id)).size, 1);
    },
    "multiplexed",
  ),
  rule(
    "multiplexing/others-move",
    "a response that nobody reads holds up no other on its connection",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const { control } = fixture.origin;
      const id = control.newId();
      const stalled = await transport.request({ url: urlOf(fixture, `/bytes/${64 * 1_024 * 1_024}`, id) });
      await steady(() => control.sentBytes(id));
      const other = await transport.request({ url: urlOf(fixture, "/bytes/300000") });
      assert.equal((await other.body.bytes()).byteLength, 300_000);
      assert.equal(other.connection.id, stalled.connection.id);
      await stalled.body.cancel();
    },
    "multiplexed",
  ),
  hostileRule(
    "multiplexing/limit",
    "the origin's limit on exchanges holds from the first on, and whatever waits has its turn",
    { faults: ["limit"], requires: ["multiplexed"], options: { maxExchanges: 3 } },
    async (fixture) => {
      const { origin, createTransport } = fixture;
      await using transport = await createTransport({ maxConnections: 1 });
      const answers = paths(12).map((path) => post(transport, origin, path));
      for (const one of await exactly(fixture, 3)) await one.respond();
      origin.serve();
      assert.deepEqual(
        await Promise.all(answers),
        answers.map(() => "ok"),
      );
      assert.equal(origin.connections[0]?.maxOpen, 3);
      assert.deepEqual([origin.connections.length, origin.arrivals.length], [1, 12]);
    },
  ),
  hostileRule(
    "multiplexing/grows",
    "another connection is made when the one there is has no room, and not before",
    { faults: ["limit"], requires: ["multiplexed"], options: { maxExchanges: 2 } },
    async (fixture) => {
      const { origin, createTransport } = fixture;
      await using transport = await createTransport({ maxConnections: 3 });
      const some = paths(2).map((path) => post(transport, origin, path));
      const first = await exactly(fixture, 2);
      assert.equal(origin.connections.length, 1);
      const more = paths(4).map((path) => post(transport, origin, `/more${path}`));
      const second = await exactly(fixture, 4);
      assert.deepEqual(
        origin.connections.map(({ maxOpen }) => maxOpen),
        [2, 2, 2],
      );
      assert.equal(origin.connections.length, 3);
      await Promise.all([...first, ...second].map((one) => one.respond()));
      await Promise.all([...some, ...more]);
    },
  ),
  hostileRule(
    "multiplexing/none-then-some",
    "an origin that allows no exchange yet makes them wait on one connection, until it allows some",
    { faults: ["limit"], requires: ["multiplexed"], options: { maxExchanges: 0 } },
    async (fixture) => {
      const { origin, createTransport } = fixture;
      await using transport = await createTransport();
      const answers = paths(3).map((path) => post(transport, origin, path));
      await until("the origin is called", () => origin.connections.length > 0);
      await exactly(fixture, 0);
      assert.equal(origin.connections.length, 1);
      await origin.connections[0]?.limit(5);
      for (const one of await exactly(fixture, 3)) await one.respond();
      await Promise.all(answers);
      assert.equal(origin.connections.length, 1);
    },
  ),
  hostileRule(
    "multiplexing/none",
    "what waits for an origin that allows no exchange ends at its deadline as not-sent, and has called it once",
    { faults: ["limit"], requires: ["multiplexed"], options: { maxExchanges: 0 } },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      // Else the deadline may come while the connection is being made.
      await transport.warm(origin.url);
      const late = transport.request({ url: origin.url, method: "POST", deadlineMs: 300 });
      await expectFailure(late, { code: "DEADLINE_EXCEEDED", phase: "queue", delivery: "not-sent" });
      assert.deepEqual([origin.arrivals.length, origin.connections.length], [0, 1]);
    },
  ),
  hostileRule(
    "multiplexing/raised",
    "a limit that is raised lets those in that wait, without another having ended",
    { faults: ["limit"], requires: ["multiplexed"], options: { maxExchanges: 1 } },
    async (fixture) => {
      const { origin, createTransport } = fixture;
      await using transport = await createTransport({ maxConnections: 1 });
      const answers = paths(3).map((path) => post(transport, origin, path));
      const first = await exactly(fixture, 1);
      await first[0]?.connection.limit(3);
      for (const one of [...first, ...(await exactly(fixture, 2))]) await one.respond();
      await Promise.all(answers);
      assert.equal(origin.connections.length, 1);
    },
  ),
  hostileRule(
    "multiplexing/lowered",
    "a limit that is lowered below what is in flight ends nothing, and lets nothing in before there is room again",
    { faults: ["limit"], requires: ["multiplexed"], options: { maxExchanges: 3 } },
    async (fixture) => {
      const { origin, createTransport } = fixture;
      await using transport = await createTransport({ maxConnections: 1 });
      const answers = paths(4).map((path) => post(transport, origin, path));
      const inFlight = await exactly(fixture, 3);
      await inFlight[0]?.connection.limit(1);
      for (const one of inFlight.slice(0, 2)) {
        await one.respond();
        await exactly(fixture, 0);
      }
      await inFlight[2]?.respond();
      for (const one of await exactly(fixture, 1)) await one.respond();
      assert.deepEqual(
        await Promise.all(answers),
        answers.map(() => "ok"),
      );
      assert.equal(origin.connections.length, 1);
    },
  ),
];
