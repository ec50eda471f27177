import assert from "node:assert/strict";
import type { PushedExchange, Transport, TransportResponse } from "@holdfast/transport";
import { type Case, type HostileNeeds, hostileRule } from "../case.ts";
import { expectFailure, rejection } from "../expect-failure.ts";
import type { HostileExchange, HostileOrigin, HostileResponse } from "../hostile/hostile.ts";
import { expectNextWorks } from "./next-works.ts";

const needs: HostileNeeds = { faults: ["push"], requires: ["push"] };

interface Promised {
  readonly exchange: HostileExchange;
  readonly response: Promise<TransportResponse>;
  /** The origin's end of the push. */
  readonly sent: HostileResponse;
  /** The caller's end. */
  readonly pushed: PushedExchange;
}

/** An exchange for which the origin has promised `/pushed`, neither of them answered yet. */
async function promised(transport: Transport, origin: HostileOrigin, signal?: AbortSignal): Promise<Promised> {
  const told = Promise.withResolvers<PushedExchange>();
  const response = transport.request({
    url: `${origin.url}/main`,
    onPush: told.resolve,
    ...(signal !== undefined && { signal }),
  });
  response.catch(() => {});
  const exchange = await origin.next("/main");
  const sent = await exchange.push("/pushed");
  return { exchange, response, sent, pushed: await told.promise };
}

/** Responses that nobody asked for. */
export const pushCases: readonly Case[] = [
  hostileRule(
    "push/whole",
    "onPush gets the request that was promised, and its response as any other; the exchange gets its own",
    needs,
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const { exchange, response, sent, pushed } = await promised(transport, origin);
      assert.deepEqual([pushed.request.url.href, pushed.request.method], [`${origin.url}/pushed`, "GET"]);
      await sent.head({ length: 6 });
      await sent.send("pushed");
      await sent.finish();
      assert.equal(await pushed.status, 200);
      assert.equal((await pushed.headers)["content-length"], "6");
      assert.equal(await pushed.body.text(), "pushed");
      await exchange.respond();
      assert.equal(await (await response).body.text(), "ok");
    },
  ),
  hostileRule("push/later", "a push may end after the exchange that it was promised for", needs, async (fixture) => {
    const { origin, createTransport } = fixture;
    await using transport = await createTransport();
    const { exchange, response, sent, pushed } = await promised(transport, origin);
    await exchange.respond();
    assert.equal(await (await response).body.text(), "ok");
    await sent.head();
    await sent.send("late");
    await sent.finish();
    assert.equal(await pushed.body.text(), "late");
  }),
  hostileRule(
    "push/not-asked",
    "without onPush the origin is told not to push, or what it pushes is given up; the exchange is whole",
    { faults: ["push"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = transport.request({ url: `${origin.url}/main` });
      const exchange = await origin.next("/main");
      if (exchange.takesPush) await (await exchange.push("/pushed")).abandoned;
      await exchange.respond();
      assert.equal(await (await answer).body.text(), "ok");
      await expectNextWorks(transport, origin);
    },
  ),
  hostileRule("push/cancelled", "a push that its reader gives up is given up at the origin", needs, async (fixture) => {
    const { origin, createTransport } = fixture;
    await using transport = await createTransport();
    const { exchange, response, sent, pushed } = await promised(transport, origin);
    await sent.head();
    await sent.send("part");
    await pushed.status;
    await pushed.body.cancel();
    await sent.abandoned;
    await exchange.respond();
    assert.equal(await (await response).body.text(), "ok");
  }),
  hostileRule("push/cut", "a push that is cut is TRUNCATED, and harms nothing else", needs, async (fixture) => {
    const { origin, createTransport } = fixture;
    await using transport = await createTransport();
    const { exchange, response, sent, pushed } = await promised(transport, origin);
    await sent.head();
    await sent.send("part");
    await pushed.status;
    const read = expectFailure(pushed.body.text(), { code: "TRUNCATED" });
    await sent.reset("none");
    await read;
    await exchange.respond();
    assert.equal(await (await response).body.text(), "ok");
    await expectNextWorks(transport, origin);
  }),
  hostileRule("push/abort", "an abort of the exchange gives its pushes up too", needs, async (fixture) => {
    const { origin, createTransport } = fixture;
    await using transport = await createTransport();
    const gone = new AbortController();
    const { exchange, response, sent, pushed } = await promised(transport, origin, gone.signal);
    const ends = Promise.all([expectFailure(response, { code: "ABORTED" }), rejection(pushed.body.text())]);
    gone.abort();
    await ends;
    await Promise.all([exchange.abandoned, sent.abandoned]);
    await expectNextWorks(transport, origin);
  }),
];
