import assert from "node:assert/strict";
import type { TransportRequest } from "@holdfast/transport";
import { hostileRule, rule, urlOf, type Case } from "../case.ts";
import { expectFailure, rejection, withinOneTurn } from "../expect-failure.ts";
import type { Inspection } from "../origin/application.ts";

async function inspect(fixture: Parameters<Case["run"]>[0], more: Partial<TransportRequest>): Promise<Inspection> {
  await using transport = await fixture.createTransport();
  const response = await transport.request({ url: urlOf(fixture, "/inspect"), method: "POST", ...more });
  return (await response.body.json()) as Inspection;
}

/** Fields after a body. */
export const trailerCases: readonly Case[] = [
  rule(
    "trailers/response",
    "response trailers arrive after the body",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, "/trailers") });
      assert.equal(await response.body.text(), "firstlast");
      const trailers = await withinOneTurn(response.trailers);
      assert.equal(trailers["x-checksum"], "abc");
      assert.equal(trailers["x-second"], "2");
      assert.equal(Object.getPrototypeOf(trailers), null);
    },
    "responseTrailers",
  ),
  rule(
    "trailers/response-pending",
    "response trailers do not settle before the body",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const id = fixture.origin.control.newId();
      const response = await transport.request({ url: urlOf(fixture, "/trailers", id) });
      const order: string[] = [];
      const trailers = response.trailers.then(() => order.push("trailers"));
      const chunks = response.body[Symbol.asyncIterator]();
      await chunks.next();
      order.push("chunk");
      fixture.origin.control.release(id);
      while ((await chunks.next()).done !== true);
      await trailers;
      assert.deepEqual(order, ["chunk", "trailers"]);
    },
    "responseTrailers",
  ),
  rule("trailers/none", "a response without trailers has none", async (fixture) => {
    await using transport = await fixture.createTransport();
    for (const path of ["/bytes/10", "/status/204", "/bytes/10?length=no"]) {
      const response = await transport.request({ url: urlOf(fixture, path) });
      await response.body.bytes();
      assert.deepEqual(Object.keys(await response.trailers), []);
    }
  }),
  rule("trailers/failed", "trailers settle when the body fails", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/cut/10?length=no") });
    await rejection(response.body.bytes());
    await withinOneTurn(Promise.allSettled([response.trailers]));
  }),
  rule("trailers/cancelled", "trailers settle when the body is given up", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/trailers", fixture.origin.control.newId()) });
    await response.body.cancel();
    await withinOneTurn(Promise.allSettled([response.trailers]));
  }),
  ...(["none", "string", "stream"] as const).map((form) =>
    rule(
      `trailers/request-${form}`,
      `request trailers arrive after the body (${form})`,
      async (fixture) => {
        let called = 0;
        const stream = async function* (): AsyncGenerator<Uint8Array> {
          assert.equal(called, 0);
          yield Buffer.from("body");
          assert.equal(called, 0);
        };
        const body = form === "none" ? null : form === "string" ? "body" : stream;
        const seen = await inspect(fixture, { body, trailers: () => (called++, { "X-Checksum": "abc" }) });
        assert.equal(seen.trailers["x-checksum"], "abc");
        assert.equal(seen.bodyBytes, form === "none" ? 0 : 4);
        assert.equal(called, 1);
      },
      "requestTrailers",
    ),
  ),
  rule(
    "trailers/request-later",
    "request trailers may be a promise",
    async (fixture) => {
      const seen = await inspect(fixture, { body: "body", trailers: () => Promise.resolve({ "x-later": "1" }) });
      assert.equal(seen.trailers["x-later"], "1");
    },
    "requestTrailers",
  ),
  rule(
    "trailers/request-throws",
    "trailers that throw end the exchange as ABORTED with that error as its cause",
    async (fixture) => {
      const cause = new Error("no checksum");
      const failed = inspect(fixture, { body: "body", trailers: () => Promise.reject(cause) });
      assert.equal((await expectFailure(failed, { code: "ABORTED" })).cause, cause);
    },
    "requestTrailers",
  ),
  rule(
    "trailers/request-bad",
    "trailers that must not be sent end the exchange with a TypeError",
    async (fixture) => {
      const failed = inspect(fixture, { body: "body", trailers: () => ({ "x-bad": "a\r\nb" }) });
      const error = await rejection(failed);
      assert.ok(error instanceof TypeError || (error as Error).cause instanceof TypeError, String(error));
    },
    "requestTrailers",
  ),
  ...(["fin", "reset"] as const).map((how) =>
    hostileRule(
      `trailers/then-${how}`,
      `trailers that were sent arrive, though ${how === "fin" ? "the connection ends" : "the exchange is reset"} right after`,
      { faults: ["trailers", how === "fin" ? "cut" : "reset"], requires: ["responseTrailers"] },
      async ({ origin, createTransport }) => {
        await using transport = await createTransport();
        const answer = transport.request({ url: `${origin.url}/late` });
        const exchange = await origin.next("/late");
        await exchange.head();
        await exchange.send("body");
        await exchange.finish({ "x-sum": "1" });
        if (how === "fin") exchange.connection.fin();
        else await exchange.reset("none");
        const response = await answer;
        assert.equal(await response.body.text(), "body");
        assert.deepEqual({ ...(await response.trailers) }, { "x-sum": "1" });
      },
    ),
  ),
];
