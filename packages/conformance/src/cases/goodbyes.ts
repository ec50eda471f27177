import assert from "node:assert/strict";
import { type Case, hostileRule } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import type { HostileConnection } from "../hostile/hostile.ts";
import { pattern } from "../pattern.ts";
import { until } from "../turn.ts";
import { arrivalsOf, expectNextWorks, post } from "./next-works.ts";

/** A connection is about to end, and says so. */
export const goodbyeCases: readonly Case[] = [
  hostileRule(
    "goodbyes/last",
    "after a response that was its connection's last, the next exchange goes on another",
    { faults: ["last"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = post(transport, origin, "/last");
      const exchange = await origin.next("/last");
      await exchange.body();
      await exchange.head({ length: 2, last: true });
      await exchange.send("ok");
      await exchange.finish();
      assert.equal(await answer, "ok");
      await expectNextWorks(transport, origin);
      assert.equal(origin.connections.length, 2);
      assert.equal(transport.stats().totals.exchangesFailed, 0);
    },
  ),
  hostileRule(
    "goodbyes/in-flight",
    "what is in flight at a goodbye ends where it is, while new exchanges go on another connection at once",
    { faults: ["goodbye"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const old = post(transport, origin, "/old");
      const exchange = await origin.next("/old");
      await exchange.body();
      await exchange.connection.goodbye();
      await expectNextWorks(transport, origin);
      await exchange.respond("old");
      assert.equal(await old, "old");
      assert.equal(arrivalsOf(origin, "/old"), 1);
      assert.equal(origin.connections.length, 2);
    },
  ),
  ...[false, true].map((failed) =>
    hostileRule(
      `goodbyes/covers-none${failed ? "-failed" : ""}`,
      `a goodbye that covers nothing in flight${failed ? ", and tells of an error," : ""} costs no exchange: each is sent again, POST too`,
      { faults: ["goodbye"], requires: ["multiplexed"] },
      async ({ origin, createTransport }) => {
        await using transport = await createTransport();
        const answers = ["/a", "/b"].map((path) => post(transport, origin, path));
        const [first] = [await origin.next("/a"), await origin.next("/b")];
        await first.connection.goodbye({ covers: "none", failed });
        first.connection.fin();
        origin.serve();
        assert.deepEqual(await Promise.all(answers), ["ok", "ok"]);
        assert.deepEqual([arrivalsOf(origin, "/a"), arrivalsOf(origin, "/b")], [2, 2]);
      },
    ),
  ),
  hostileRule(
    "goodbyes/covers-some",
    "what a goodbye covers ends where it is, what it does not cover is sent again elsewhere",
    { faults: ["goodbye"], requires: ["multiplexed"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answers = ["/taken", "/left"].map((path) => post(transport, origin, path));
      const [taken] = [await origin.next("/taken"), await origin.next("/left")];
      await taken.connection.goodbye({ covers: taken });
      const again = await origin.next("/left");
      assert.notEqual(again.connection, taken.connection);
      await again.respond("again");
      await taken.respond("taken");
      assert.deepEqual(await Promise.all(answers), ["taken", "again"]);
      assert.deepEqual([arrivalsOf(origin, "/taken"), arrivalsOf(origin, "/left")], [1, 2]);
    },
  ),
  hostileRule(
    "goodbyes/covers-some-failed",
    "a failed goodbye and the connection's end: what it covers may have been done and fails, what it does not is sent again",
    { faults: ["goodbye"], requires: ["multiplexed"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const lost = expectFailure(post(transport, origin, "/taken"), {
        code: ["CONNECTION_LOST", "STREAM_RESET"],
        delivery: "maybe-sent",
      });
      const left = post(transport, origin, "/left");
      const [taken] = [await origin.next("/taken"), await origin.next("/left")];
      await taken.connection.goodbye({ covers: taken, failed: true });
      taken.connection.fin();
      assert.equal((await lost).replaySafe, false);
      await (await origin.next("/left")).respond();
      assert.equal(await left, "ok");
      assert.deepEqual([arrivalsOf(origin, "/taken"), arrivalsOf(origin, "/left")], [1, 2]);
    },
  ),
  hostileRule(
    "goodbyes/twice",
    "a second goodbye may cover less than the first: what is left over is sent again, once",
    { faults: ["goodbye"], requires: ["multiplexed"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answers = ["/first", "/second"].map((path) => post(transport, origin, path));
      const [first] = [await origin.next("/first"), await origin.next("/second")];
      await first.connection.goodbye();
      await first.connection.goodbye({ covers: first });
      await (await origin.next("/second")).respond("again");
      await first.respond("first");
      assert.deepEqual(await Promise.all(answers), ["first", "again"]);
      assert.deepEqual([arrivalsOf(origin, "/first"), arrivalsOf(origin, "/second")], [1, 2]);
    },
  ),
  hostileRule(
    "goodbyes/idle",
    "a goodbye on an idle connection costs nothing: the next exchange goes on another",
    { faults: ["goodbye"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = post(transport, origin, "/before");
      const exchange = await origin.next("/before");
      await exchange.respond();
      assert.equal(await answer, "ok");
      await exchange.connection.goodbye();
      await expectNextWorks(transport, origin);
      assert.equal(origin.connections.length, 2);
      assert.equal(transport.stats().totals.exchangesFailed, 0);
    },
  ),
  hostileRule(
    "goodbyes/one-shot-body",
    "what a goodbye does not cover is REFUSED where its one-shot body was begun",
    { faults: ["goodbye"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const more = Promise.withResolvers<void>();
      const body = (async function* (): AsyncGenerator<Uint8Array> {
        yield pattern(10);
        await more.promise;
      })();
      const answer = transport.request({ url: `${origin.url}/once`, method: "POST", body });
      const failed = expectFailure(answer, { code: "REFUSED", delivery: "refused" });
      const exchange = await origin.next("/once");
      await until("the body has begun to arrive", () => exchange.receivedBytes > 0);
      await exchange.connection.goodbye({ covers: "none" });
      exchange.connection.fin();
      assert.equal((await failed).replaySafe, true);
      more.resolve();
      await expectNextWorks(transport, origin);
      assert.equal(arrivalsOf(origin, "/once"), 1);
    },
  ),
  hostileRule(
    "goodbyes/many",
    "an origin that says goodbye after every tenth exchange costs none of a hundred POSTs, and executes none twice",
    { faults: ["goodbye"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const taken = new Map<HostileConnection, number>();
      const executed: string[] = [];
      origin.serve(async (exchange) => {
        const { connection, path } = exchange;
        const count = (taken.get(connection) ?? 0) + 1;
        taken.set(connection, count);
        // It is not looked at: the goodbye does not cover it.
        if (count > 10) return;
        executed.push(path);
        if (count === 10) await connection.goodbye({ covers: exchange });
        await exchange.respond();
      });
      const paths = Array.from({ length: 100 }, (_, index) => `/${index}`);
      const left = [...paths];
      const run = async (): Promise<void> => {
        for (let path = left.shift(); path !== undefined; path = left.shift())
          assert.equal(await post(transport, origin, path), "ok");
      };
      await Promise.all(Array.from({ length: 8 }, run));
      assert.deepEqual(executed.toSorted(), paths.toSorted());
    },
  ),
];
