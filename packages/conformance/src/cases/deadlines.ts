import assert from "node:assert/strict";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { steady } from "../turn.ts";
import { occupy } from "./occupy.ts";
import { expectExecutions } from "./expect-executions.ts";

/** Never more than one chunk. */
async function* stuck(): AsyncGenerator<Uint8Array> {
  yield pattern(10);
  await new Promise(() => {});
}

/** Limits in time, each with its own name. They fire at gates that never open, so no case depends on how fast the machine is. */
export const deadlineCases: readonly Case[] = [
  rule("deadlines/queue", "the deadline covers the queue: DEADLINE_EXCEEDED, not-sent", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const occupant = await occupy(fixture, transport);
    const id = fixture.origin.control.newId();
    const late = transport.request({ url: urlOf(fixture, "/bytes/1", id), deadlineMs: 40 });
    await expectFailure(late, { code: "DEADLINE_EXCEEDED", phase: "queue", delivery: "not-sent", names: "deadlineMs" });
    await occupant.leave();
    expectExecutions(fixture, id, 0);
  }),
  rule(
    "deadlines/head",
    "the deadline covers the wait for the head: DEADLINE_EXCEEDED, maybe-sent",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
      const id = fixture.origin.control.newId();
      const late = transport.request({ url: urlOf(fixture, "/gate", id), deadlineMs: 80 });
      await expectFailure(late, {
        code: "DEADLINE_EXCEEDED",
        phase: "head",
        delivery: "maybe-sent",
        names: "deadlineMs",
      });
      await fixture.origin.control.departure(id);
    },
  ),
  rule("deadlines/body", "the deadline covers the body: DEADLINE_EXCEEDED, answered", async (fixture) => {
    await using transport = await fixture.createTransport();
    await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
    const response = await transport.request({
      url: urlOf(fixture, "/half", fixture.origin.control.newId()),
      deadlineMs: 200,
    });
    await expectFailure(response.body.text(), {
      code: "DEADLINE_EXCEEDED",
      phase: "body",
      delivery: "answered",
      names: "deadlineMs",
    });
  }),
  rule("deadlines/unread", "the deadline ends a response that nobody reads", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const id = fixture.origin.control.newId();
    await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
    const response = await transport.request({ url: urlOf(fixture, "/half", id), deadlineMs: 200 });
    await fixture.origin.control.departure(id);
    const next = await transport.request({ url: urlOf(fixture, "/bytes/5") });
    assert.equal((await next.body.bytes()).byteLength, 5);
    await expectFailure(response.body.text(), { code: "DEADLINE_EXCEEDED" });
  }),
  rule("deadlines/zero", "a deadline of 0 starts nothing", async (fixture) => {
    await using transport = await fixture.createTransport();
    const id = fixture.origin.control.newId();
    const late = transport.request({ url: urlOf(fixture, "/gate", id), deadlineMs: 0 });
    await expectFailure(late, { code: "DEADLINE_EXCEEDED", delivery: "not-sent", names: "deadlineMs" });
    expectExecutions(fixture, id, 0);
  }),
  rule("deadlines/none", "Infinity, and more than a timer can count, take every limit off", async (fixture) => {
    const off = { queueMs: Infinity, connectMs: Infinity, headMs: Infinity, bodyGapMs: Infinity };
    await using transport = await fixture.createTransport({ timeouts: off });
    for (const deadlineMs of [Infinity, 2 ** 40]) {
      const response = await transport.request({ url: urlOf(fixture, "/bytes/5"), deadlineMs });
      assert.equal((await response.body.bytes()).byteLength, 5);
    }
    const long = { queueMs: 2 ** 40, connectMs: 2 ** 40, headMs: 2 ** 40, bodyGapMs: 2 ** 40 };
    const response = await transport.request({ url: urlOf(fixture, "/bytes/5"), timeouts: long });
    assert.equal((await response.body.bytes()).byteLength, 5);
  }),
  rule(
    "deadlines/head-timeout",
    "no head in time is HEAD_TIMEOUT, maybe-sent, and names timeouts.headMs",
    async (fixture) => {
      await using transport = await fixture.createTransport({ timeouts: { headMs: 50 } });
      const id = fixture.origin.control.newId();
      const late = transport.request({ url: urlOf(fixture, "/gate", id), method: "POST", body: "x" });
      await expectFailure(late, {
        code: "HEAD_TIMEOUT",
        phase: "head",
        delivery: "maybe-sent",
        names: "timeouts.headMs",
      });
      await fixture.origin.control.departure(id);
      expectExecutions(fixture, id, 1);
    },
  ),
  rule("deadlines/head-timeout-per-request", "a request can have a headMs of its own", async (fixture) => {
    await using transport = await fixture.createTransport();
    const late = transport.request({
      url: urlOf(fixture, "/gate", fixture.origin.control.newId()),
      timeouts: { headMs: 50 },
    });
    await expectFailure(late, { code: "HEAD_TIMEOUT", names: "50 ms" });
  }),
  rule("deadlines/head-timeout-ends", "headMs does not count once the head is there", async (fixture) => {
    await using transport = await fixture.createTransport({ timeouts: { headMs: 200, bodyGapMs: 400 } });
    const response = await transport.request({ url: urlOf(fixture, "/half", fixture.origin.control.newId()) });
    await expectFailure(response.body.text(), { code: "BODY_TIMEOUT" });
  }),
  rule(
    "deadlines/body-timeout",
    "silence inside a body is BODY_TIMEOUT, answered, and names timeouts.bodyGapMs",
    async (fixture) => {
      await using transport = await fixture.createTransport({ timeouts: { bodyGapMs: 50 } });
      const id = fixture.origin.control.newId();
      const response = await transport.request({ url: urlOf(fixture, "/half", id) });
      await expectFailure(response.body.text(), {
        code: "BODY_TIMEOUT",
        phase: "body",
        delivery: "answered",
        names: "timeouts.bodyGapMs",
      });
      await fixture.origin.control.departure(id);
    },
  ),
  rule(
    "deadlines/body-timeout-sending",
    "silence inside a body that is being sent is BODY_TIMEOUT, maybe-sent",
    async (fixture) => {
      await using transport = await fixture.createTransport({ timeouts: { bodyGapMs: 50 } });
      const late = transport.request({ url: urlOf(fixture, "/inspect"), method: "POST", body: stuck() });
      await expectFailure(late, {
        code: "BODY_TIMEOUT",
        phase: "send",
        delivery: "maybe-sent",
        names: "timeouts.bodyGapMs",
      });
    },
  ),
  rule("deadlines/paused-reader", "a reader that takes its time is not a silent origin", async (fixture) => {
    await using transport = await fixture.createTransport({ timeouts: { bodyGapMs: 60 } });
    const response = await transport.request({ url: urlOf(fixture, `/bytes/${64 * 1_024 * 1_024}`) });
    const chunks = response.body[Symbol.asyncIterator]();
    await chunks.next();
    // Another exchange's own limit of twice that length tells that the time has passed.
    const late = transport.request({
      url: urlOf(fixture, "/gate", fixture.origin.control.newId()),
      timeouts: { headMs: 150 },
    });
    await expectFailure(late, { code: "HEAD_TIMEOUT" });
    assert.equal((await chunks.next()).done, false);
    await chunks.return?.();
    assert.equal(transport.stats().totals.exchangesFailed, 1);
  }),
  rule(
    "deadlines/paused-reader-sending",
    "a reader that takes its time is not a silent origin, though the origin takes a request body meanwhile",
    async (fixture) => {
      await using transport = await fixture.createTransport({ timeouts: { bodyGapMs: 60 } });
      const { control } = fixture.origin;
      const id = control.newId();
      const [paused, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const body = async function* (): AsyncGenerator<Uint8Array> {
        for (let sent = 0; sent < 16; sent++) yield pattern(65_536);
        await paused.promise;
        yield pattern(10);
        await stopped.promise;
      };
      const response = await transport.request({ url: urlOf(fixture, "/echo", id), method: "POST", body });
      const chunks = response.body[Symbol.asyncIterator]();
      await chunks.next();
      // More has come back than is kept for a reader who is behind.
      await steady(() => control.sentBytes(id));
      paused.resolve();
      const late = transport.request({
        url: urlOf(fixture, "/gate", control.newId()),
        timeouts: { headMs: 150 },
      });
      await expectFailure(late, { code: "HEAD_TIMEOUT" });
      assert.equal((await chunks.next()).done, false);
      stopped.resolve();
      await chunks.return?.();
      assert.equal(transport.stats().totals.exchangesFailed, 1);
    },
    "duplex",
  ),
  rule("deadlines/settled", "no limit fires after the end", async (fixture) => {
    await using transport = await fixture.createTransport({ timeouts: { headMs: 60, bodyGapMs: 60, queueMs: 60 } });
    const response = await transport.request({ url: urlOf(fixture, "/bytes/5"), deadlineMs: 60_000 });
    await response.body.bytes();
    const late = transport.request({
      url: urlOf(fixture, "/gate", fixture.origin.control.newId()),
      timeouts: { headMs: 150 },
    });
    await expectFailure(late, { code: "HEAD_TIMEOUT" });
    assert.equal(transport.stats().totals.exchangesFailed, 1);
  }),
];
