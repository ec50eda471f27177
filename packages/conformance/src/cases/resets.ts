import assert from "node:assert/strict";
import type { Fields } from "@holdfast/transport";
import { type Case, hostileRule } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { until } from "../turn.ts";
import { arrivalsOf, expectNextWorks, post } from "./next-works.ts";

/** A peer that refuses for ever must not be asked for ever. */
const maxAttempts = 10;

/** One exchange is broken off, and its connection stays. */
export const resetCases: readonly Case[] = [
  ...["GET", "POST"].map((method) =>
    hostileRule(
      `resets/refused-${method}`,
      `a ${method} that the origin never looked at is sent again by the transport, and succeeds`,
      { faults: ["refuse"] },
      async ({ origin, createTransport }) => {
        await using transport = await createTransport();
        const body = method === "POST" ? "hello" : null;
        const answer = transport.request({ url: `${origin.url}/again`, method, body });
        await (await origin.next("/again")).refuse();
        const second = await origin.next("/again");
        assert.equal(Buffer.from(await second.body()).toString(), body ?? "");
        await second.respond();
        assert.equal(await (await answer).body.text(), "ok");
        assert.equal(arrivalsOf(origin, "/again"), 2);
        assert.equal(transport.stats().totals.exchangesReplayed, 1);
      },
    ),
  ),
  hostileRule(
    "resets/refused-function-body",
    "a body that a function makes is made anew for the exchange that is sent again",
    { faults: ["refuse"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      let made = 0;
      const body = async function* (): AsyncGenerator<Uint8Array> {
        made++;
        yield pattern(1_000);
      };
      const answer = transport.request({ url: `${origin.url}/again`, method: "POST", body });
      const first = await origin.next("/again");
      await first.body();
      await first.refuse();
      const second = await origin.next("/again");
      assert.ok(Buffer.from(await second.body()).equals(pattern(1_000)));
      await second.respond();
      assert.equal(await (await answer).body.text(), "ok");
      assert.equal(made, 2);
    },
  ),
  hostileRule(
    "resets/refused-late-source",
    "a body's source that fails because it was given up does not fail the exchange that was sent again",
    { faults: ["refuse"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      let made = 0;
      // As a stream whose pending read rejects when it is closed.
      const body = (): AsyncIterable<Uint8Array> => {
        const closed = Promise.withResolvers<never>();
        const first = made++ === 0;
        let reads = 0;
        const iterator: AsyncIterator<Uint8Array> = {
          next: async () => {
            if (reads++ === 0) return { done: false, value: pattern(10) };
            return first ? closed.promise : { done: true, value: undefined };
          },
          return: async () => {
            closed.reject(new Error("the source was closed"));
            return { done: true, value: undefined };
          },
        };
        return { [Symbol.asyncIterator]: () => iterator };
      };
      const answer = transport.request({ url: `${origin.url}/late`, method: "POST", body });
      const exchange = await origin.next("/late");
      await until("the body has begun to arrive", () => exchange.receivedBytes > 0);
      await exchange.refuse();
      const second = await origin.next("/late");
      assert.ok(Buffer.from(await second.body()).equals(pattern(10)));
      await second.respond();
      assert.equal(await (await answer).body.text(), "ok");
      assert.equal(made, 2);
    },
  ),
  hostileRule(
    "resets/refused-late-trailers",
    "trailers that fail after their exchange was refused do not fail the one that was sent again",
    { faults: ["refuse"], requires: ["requestTrailers"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const late = Promise.withResolvers<never>();
      let asked = 0;
      const trailers = (): Promise<Fields> => (asked++ === 0 ? late.promise : Promise.resolve({ "x-sum": "1" }));
      const answer = transport.request({ url: `${origin.url}/late`, method: "POST", body: "hello", trailers });
      const exchange = await origin.next("/late");
      await until("the trailers were asked for", () => asked === 1);
      await exchange.refuse();
      const second = await origin.next("/late");
      late.reject(new Error("no sum"));
      assert.equal(Buffer.from(await second.body()).toString(), "hello");
      await second.respond();
      assert.equal(await (await answer).body.text(), "ok");
    },
  ),
  hostileRule(
    "resets/refused-one-shot-body",
    "what was refused after its one-shot body was begun is REFUSED, for its caller to send again",
    { faults: ["refuse"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const more = Promise.withResolvers<void>();
      const body = (async function* (): AsyncGenerator<Uint8Array> {
        yield pattern(10);
        await more.promise;
      })();
      const answer = transport.request({ url: `${origin.url}/once`, method: "POST", body });
      const exchange = await origin.next("/once");
      await until("the body has begun to arrive", () => exchange.receivedBytes > 0);
      const failed = expectFailure(answer, { code: "REFUSED", delivery: "refused" });
      await exchange.refuse();
      assert.equal((await failed).replaySafe, true);
      more.resolve();
      await expectNextWorks(transport, origin);
      assert.equal(arrivalsOf(origin, "/once"), 1);
    },
  ),
  hostileRule(
    "resets/refused-always",
    "an origin that refuses every time is asked a few times, then the exchange is REFUSED",
    { faults: ["refuse"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      origin.serve((exchange) => exchange.refuse());
      const error = await expectFailure(post(transport, origin, "/never"), { code: "REFUSED", delivery: "refused" });
      const arrivals = arrivalsOf(origin, "/never");
      assert.ok(arrivals <= maxAttempts, `it was asked ${arrivals} times`);
      assert.equal(error.attempts.length, arrivals - 1);
      assert.equal(error.replaySafe, true);
    },
  ),
  hostileRule(
    "resets/calm",
    "a POST that is reset because there is too much of them fails as maybe-sent, and is not sent again",
    { faults: ["reset"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = post(transport, origin, "/calm");
      answer.catch(() => {});
      await (await origin.next("/calm")).reset("calm");
      origin.serve();
      await expectFailure(answer, { code: ["LIMIT_EXCEEDED", "STREAM_RESET"], phase: "head", delivery: "maybe-sent" });
      await expectNextWorks(transport, origin);
      assert.equal(arrivalsOf(origin, "/calm"), 1);
    },
  ),
  hostileRule(
    "resets/others",
    "a reset of one exchange harms no other, and does not cost the connection",
    { faults: ["cut", "reset"], requires: ["multiplexed"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answers = [post(transport, origin, "/reset"), post(transport, origin, "/kept")] as const;
      const failed = expectFailure(answers[0], { code: "STREAM_RESET", delivery: "maybe-sent" });
      const [reset, kept] = [await origin.next("/reset"), await origin.next("/kept")];
      assert.equal(reset.connection, kept.connection);
      await reset.reset("internal");
      origin.serve();
      await failed;
      await kept.respond();
      assert.equal(await answers[1], "ok");
      await expectNextWorks(transport, origin);
      assert.equal(origin.connections.length, 1);
    },
  ),
  hostileRule(
    "resets/enough",
    "a response that ended before its request did is whole, though the rest of the request is not wanted any more",
    { faults: ["reset"], requires: ["duplex"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const more = Promise.withResolvers<void>();
      const body = async function* (): AsyncGenerator<Uint8Array> {
        yield pattern(10);
        await more.promise;
      };
      const answer = transport.request({ url: `${origin.url}/enough`, method: "POST", body });
      const exchange = await origin.next("/enough");
      await exchange.head();
      await exchange.send("enough");
      await exchange.finish();
      await exchange.reset("none");
      assert.equal(await (await answer).body.text(), "enough");
      more.resolve();
      await expectNextWorks(transport, origin);
    },
  ),
];
