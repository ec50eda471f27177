import assert from "node:assert/strict";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure, rejection, withinOneTurn } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { waitsFor } from "../waiting.ts";
import { occupy } from "./occupy.ts";
import { expectExecutions } from "./expect-executions.ts";

/** The end of a transport. */
export const closeCases: readonly Case[] = [
  rule("close/idle", "close() ends idle connections", async (fixture) => {
    const transport = await fixture.createTransport();
    await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
    await transport.close();
    const { connections, totals } = transport.stats();
    assert.deepEqual(connections, { connecting: 0, active: 0, idle: 0, draining: 0 });
    assert.equal(totals.connectionsClosed, totals.connectionsOpened);
  }),
  rule("close/unused", "close() of a transport that was never used resolves", async (fixture) => {
    const transport = await fixture.createTransport();
    await transport.close();
  }),
  rule("close/refuses", "after close() a request is refused with CLOSED, not-sent", async (fixture) => {
    const transport = await fixture.createTransport();
    await transport.close();
    const id = fixture.origin.control.newId();
    await expectFailure(transport.request({ url: urlOf(fixture, "/bytes/1", id) }), {
      code: "CLOSED",
      delivery: "not-sent",
    });
    await expectFailure(transport.warm(fixture.origin.url), { code: "CLOSED", delivery: "not-sent" });
    expectExecutions(fixture, id, 0);
  }),
  rule(
    "close/refuses-while-draining",
    "a request is refused with CLOSED as soon as close() was called",
    async (fixture) => {
      const transport = await fixture.createTransport();
      const occupant = await occupy(fixture, transport);
      const closed = transport.close();
      await expectFailure(withinOneTurn(transport.request({ url: urlOf(fixture, "/bytes/1") })), {
        code: "CLOSED",
        delivery: "not-sent",
      });
      await occupant.leave();
      await closed;
    },
  ),
  ...["first", "kept"].map((connection) =>
    rule(
      `close/destroy-in-body-${connection}`,
      `destroy() called by the request's own body settles, and the request is CLOSED (${connection} on its connection)`,
      async (fixture) => {
        const transport = await fixture.createTransport();
        if (connection === "kept") await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
        const destroyed = Promise.withResolvers<void>();
        const body = async function* (): AsyncGenerator<Uint8Array> {
          destroyed.resolve(transport.destroy());
          yield pattern(10);
        };
        await expectFailure(transport.request({ url: urlOf(fixture, "/inspect"), method: "POST", body }), {
          code: "CLOSED",
        });
        waitsFor("destroy()");
        await destroyed.promise;
      },
    ),
  ),
  rule("close/drains-head", "close() lets an exchange that waits for its head finish", async (fixture) => {
    const transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const answer = transport.request({ url: urlOf(fixture, "/gate", id) });
    await control.arrival(id);
    const closed = transport.close();
    assert.equal(transport.stats().connections.draining, 1);
    control.release(id);
    assert.equal(await (await answer).body.text(), "open");
    await closed;
  }),
  rule("close/drains-body", "close() lets a body be read to its end", async (fixture) => {
    const transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const response = await transport.request({ url: urlOf(fixture, "/half", id) });
    const closed = transport.close();
    control.release(id);
    assert.equal(await response.body.text(), "firstlast");
    await closed;
  }),
  rule("close/drains-queue", "close() finishes what waits in the queue too", async (fixture) => {
    const transport = await fixture.createTransport({ maxConcurrent: 1 });
    const occupant = await occupy(fixture, transport);
    const queued = transport.request({ url: urlOf(fixture, "/bytes/5") });
    const closed = transport.close();
    await occupant.leave();
    assert.equal((await (await queued).body.bytes()).byteLength, 5);
    await closed;
  }),
  rule("close/waits", "close() does not resolve before the last body ended", async (fixture) => {
    const transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const response = await transport.request({ url: urlOf(fixture, "/half", id) });
    const order: string[] = [];
    const closed = transport.close().then(() => order.push("closed"));
    control.release(id);
    await response.body.text();
    order.push("read");
    await closed;
    assert.deepEqual(order, ["read", "closed"]);
  }),
  rule("close/twice", "closing twice, at the same time or later, is fine", async (fixture) => {
    const transport = await fixture.createTransport();
    const occupant = await occupy(fixture, transport);
    const both = [transport.close(), transport.close()];
    await occupant.leave();
    await Promise.all(both);
    await transport.close();
    await transport.destroy();
    await transport[Symbol.asyncDispose]();
  }),
  rule(
    "close/deadline",
    "what is left at the deadline of close() fails with CLOSED, and the origin sees the client leave",
    async (fixture) => {
      const transport = await fixture.createTransport({ maxConcurrent: 1 });
      const { control } = fixture.origin;
      const id = control.newId();
      const held = transport.request({ url: urlOf(fixture, "/gate", id) });
      await control.arrival(id);
      const queued = transport.request({ url: urlOf(fixture, "/bytes/1") });
      const ends = [
        expectFailure(held, { code: "CLOSED", delivery: "maybe-sent" }),
        expectFailure(queued, { code: "CLOSED", delivery: "not-sent" }),
      ];
      await transport.close({ deadlineMs: 40 });
      await Promise.all(ends);
      await control.departure(id);
    },
  ),
  rule("close/signal", "a signal ends the draining early", async (fixture) => {
    const transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const held = transport.request({ url: urlOf(fixture, "/gate", id) });
    await control.arrival(id);
    const gone = new AbortController();
    const failed = expectFailure(held, { code: "CLOSED", delivery: "maybe-sent" });
    const closed = transport.close({ signal: gone.signal });
    gone.abort();
    await closed;
    await failed;
  }),
  rule(
    "close/destroy-in-flight",
    "destroy() fails everything under way with CLOSED, its cause the reason",
    async (fixture) => {
      const transport = await fixture.createTransport({ maxConcurrent: 2 });
      const { control } = fixture.origin;
      const ids = [control.newId(), control.newId()] as const;
      const read = await transport.request({ url: urlOf(fixture, "/half", ids[0]) });
      const reading = read.body.text();
      const waiting = transport.request({ url: urlOf(fixture, "/gate", ids[1]) });
      await control.arrival(ids[1]);
      const queued = transport.request({ url: urlOf(fixture, "/bytes/1") });
      const reason = new Error("shutting down");
      const ends = Promise.all([
        expectFailure(reading, { code: "CLOSED", phase: "body", delivery: "answered" }),
        expectFailure(waiting, { code: "CLOSED", phase: "head", delivery: "maybe-sent" }),
        expectFailure(queued, { code: "CLOSED", phase: "queue", delivery: "not-sent" }),
      ]);
      await transport.destroy(reason);
      assert.deepEqual(
        (await ends).map(({ cause }) => cause),
        [reason, reason, reason],
      );
      await Promise.all(ids.map((id) => control.departure(id)));
      await expectFailure(transport.request({ url: urlOf(fixture, "/bytes/1") }), {
        code: "CLOSED",
        delivery: "not-sent",
      });
    },
  ),
  rule("close/destroy-during-close", "destroy() ends a close() that drains", async (fixture) => {
    const transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const failed = rejection(transport.request({ url: urlOf(fixture, "/gate", id) }));
    await control.arrival(id);
    const closed = transport.close();
    await transport.destroy();
    await closed;
    await failed;
  }),
  rule("close/dispose", "await using closes, and lets what is under way finish", async (fixture) => {
    const { control } = fixture.origin;
    const id = control.newId();
    let text: Promise<string>;
    {
      await using transport = await fixture.createTransport();
      const answer = transport.request({ url: urlOf(fixture, "/gate", id) });
      text = answer.then(({ body }) => body.text());
      await control.arrival(id);
      control.release(id);
    }
    assert.equal(await text, "open");
  }),
  rule("close/while-dialling", "close() right after a request still lets it finish", async (fixture) => {
    const transport = await fixture.createTransport();
    const answer = transport.request({ url: urlOf(fixture, "/bytes/5") });
    const closed = transport.close();
    assert.equal((await (await answer).body.bytes()).byteLength, 5);
    await closed;
  }),
];
