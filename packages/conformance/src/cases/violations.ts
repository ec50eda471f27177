import assert from "node:assert/strict";
import { type Case, hostileRule } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import { arrivalsOf, expectNextWorks, post } from "./next-works.ts";

/** An origin that breaks the rules of its protocol. */
export const violationCases: readonly Case[] = [
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
