import assert from "node:assert/strict";
import { isTransportError, type TransportErrorCode } from "@holdfast/transport";
import { type Case, hostileRule } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import { steady } from "../turn.ts";
import { arrivalsOf, expectNextWorks, post } from "./next-works.ts";

/** What a breach may be told as: where it strikes, and what the adapter saw of it, is the protocol's. */
const tellsOfBreach: readonly TransportErrorCode[] = [
  "PROTOCOL_ERROR",
  "CONNECTION_LOST",
  "STREAM_RESET",
  "TRUNCATED",
  "LIMIT_EXCEEDED",
];

/** An origin that breaks the rules of its protocol. */
export const violationCases: readonly Case[] = [
  hostileRule(
    "violations/answered-twice",
    "a second answer to an exchange is never taken for the answer to the next",
    { faults: ["violation"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport({ maxConcurrent: 1 });
      const first = transport.request({ url: `${origin.url}/first` });
      const exchange = await origin.next("/first");
      await exchange.respond("first");
      assert.equal(await (await first).body.text(), "first");
      // The origin may find the connection gone, or be unable to.
      await Promise.race([exchange.respond("second").catch(() => {}), exchange.connection.closed]);
      // What comes while a request is under way could be its answer, by some protocols; so it comes before.
      await steady(() => transport.stats().connections.idle);
      origin.serve();
      const outcome = await transport.request({ url: `${origin.url}/second` }).then(
        ({ body }) => body.text(),
        (error: unknown) => error,
      );
      assert.notEqual(outcome, "second", "the next exchange was given an answer that nobody had asked for");
      await expectNextWorks(transport, origin);
    },
  ),
  hostileRule(
    "violations/in-flight",
    "a POST whose origin breaks the protocol fails as maybe-sent, is not sent again, and costs only its connection",
    { faults: ["violation"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = post(transport, origin, "/broken");
      const failed = expectFailure(answer, {
        code: ["PROTOCOL_ERROR", "CONNECTION_LOST", "STREAM_RESET"],
        phase: "head",
        delivery: "maybe-sent",
      });
      const exchange = await origin.next("/broken");
      await exchange.body();
      await exchange.connection.violate();
      origin.serve();
      await failed;
      await expectNextWorks(transport, origin);
      assert.deepEqual([arrivalsOf(origin, "/broken"), origin.connections.length], [1, 2]);
    },
  ),
  hostileRule(
    "violations/each",
    "a POST whose origin breaks any rule of the protocol fails, is not sent again, and the next exchange works",
    { faults: ["violation"] },
    async ({ origin, createTransport }) => {
      const breaches = origin.breaches ?? [undefined];
      origin.serve(async (exchange) => {
        const [, at] = /^\/broken\/(\d+)$/.exec(exchange.path) ?? [];
        if (at === undefined) return exchange.respond();
        await exchange.body();
        await exchange.connection.violate(breaches[Number(at)]);
      });
      for (const [at, breach = "any"] of breaches.entries()) {
        const path = `/broken/${at}`;
        // One for each: who is fooled again and again may wait before it dials again.
        await using transport = await createTransport();
        const error = await post(transport, origin, path).then(
          (text) => assert.fail(`${breach}: it resolved to ${JSON.stringify(text)}`),
          (reason: unknown) => reason,
        );
        assert.ok(isTransportError(error), `${breach}: ${String(error)}`);
        assert.ok(tellsOfBreach.includes(error.code), `${breach}: ${error.code} ${error.message}`);
        assert.ok(!error.replaySafe, `${breach}: it is told to be ${error.delivery}`);
        assert.equal(arrivalsOf(origin, path), 1, `${breach}: it was sent again`);
        assert.equal(await post(transport, origin, `/next/${at}`), "ok", `after ${breach}`);
      }
    },
  ),
  hostileRule(
    "violations/idle",
    "an origin that breaks the protocol on an idle connection costs no exchange",
    { faults: ["violation"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = post(transport, origin, "/before");
      const exchange = await origin.next("/before");
      await exchange.respond();
      assert.equal(await answer, "ok");
      await exchange.connection.violate();
      await exchange.connection.closed;
      await expectNextWorks(transport, origin);
      assert.equal(transport.stats().totals.exchangesFailed, 0);
    },
  ),
];
