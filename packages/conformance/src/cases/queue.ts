import assert from "node:assert/strict";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure, rejection, withinOneTurn } from "../expect-failure.ts";
import { occupy } from "./occupy.ts";
import { expectExecutions } from "./expect-executions.ts";

/** Waiting for a place. */
export const queueCases: readonly Case[] = [
  rule("queue/fifo", "who waits longest goes first", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const occupant = await occupy(fixture, transport);
    const order: number[] = [];
    const waiting = [0, 1, 2, 3, 4].map(async (index) => {
      const response = await transport.request({ url: urlOf(fixture, "/bytes/1") });
      order.push(index);
      await response.body.bytes();
    });
    assert.equal(transport.stats().exchanges.queued, 5);
    await occupant.leave();
    await Promise.all(waiting);
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
  }),
  rule("queue/limit", "no more exchanges are in flight than the limit says", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 2 });
    const { control } = fixture.origin;
    const ids = [0, 1, 2, 3].map(() => control.newId());
    const answers = ids.map(async (id) => (await transport.request({ url: urlOf(fixture, "/gate", id) })).body.text());
    await control.waitFor(() => ids.filter((id) => control.executions(id) > 0).length === 2);
    assert.deepEqual(transport.stats().exchanges, { queued: 2, inFlight: 2 });
    assert.deepEqual(
      ids.map((id) => control.executions(id)),
      [1, 1, 0, 0],
    );
    for (const id of ids) control.release(id);
    assert.deepEqual(await Promise.all(answers), ["open", "open", "open", "open"]);
  }),
  rule("queue/body-holds-place", "a response that is not read holds its place", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const { control } = fixture.origin;
    const id = control.newId();
    const response = await transport.request({ url: urlOf(fixture, "/half", id) });
    const next = transport.request({ url: urlOf(fixture, "/bytes/1") });
    assert.deepEqual(transport.stats().exchanges, { queued: 1, inFlight: 1 });
    control.release(id);
    assert.equal(await response.body.text(), "firstlast");
    await (await next).body.bytes();
  }),
  rule("queue/full", "a full queue refuses at once with QUEUE_FULL, not-sent, and names maxQueued", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1, maxQueued: 1 });
    const occupant = await occupy(fixture, transport);
    const queued = transport.request({ url: urlOf(fixture, "/bytes/1") });
    const refused = withinOneTurn(transport.request({ url: urlOf(fixture, "/bytes/1") }));
    await expectFailure(refused, { code: "QUEUE_FULL", phase: "queue", delivery: "not-sent", names: "maxQueued" });
    await occupant.leave();
    await (await queued).body.bytes();
  }),
  rule("queue/fail-fast", "maxQueued: 0 takes what has a place and refuses the rest", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1, maxQueued: 0 });
    const occupant = await occupy(fixture, transport);
    await expectFailure(transport.request({ url: urlOf(fixture, "/bytes/1") }), {
      code: "QUEUE_FULL",
      delivery: "not-sent",
    });
    await occupant.leave();
    const next = await transport.request({ url: urlOf(fixture, "/bytes/1") });
    assert.equal((await next.body.bytes()).byteLength, 1);
  }),
  rule(
    "queue/timeout",
    "a wait that is too long fails with QUEUE_TIMEOUT, not-sent, and names timeouts.queueMs",
    async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: 1, timeouts: { queueMs: 40 } });
      const occupant = await occupy(fixture, transport);
      const id = fixture.origin.control.newId();
      const late = transport.request({ url: urlOf(fixture, "/bytes/1", id), method: "POST", body: "x" });
      const error = await expectFailure(late, {
        code: "QUEUE_TIMEOUT",
        phase: "queue",
        delivery: "not-sent",
        names: "timeouts.queueMs",
      });
      assert.equal(error.replaySafe, true);
      assert.equal(transport.stats().exchanges.queued, 0);
      await occupant.leave();
      expectExecutions(fixture, id, 0);
    },
  ),
  rule("queue/timeout-per-request", "a request can have a queueMs of its own", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const occupant = await occupy(fixture, transport);
    const late = transport.request({ url: urlOf(fixture, "/bytes/1"), timeouts: { queueMs: 40 } });
    await expectFailure(late, { code: "QUEUE_TIMEOUT", names: "40 ms" });
    await occupant.leave();
  }),
  rule("queue/abort-frees", "an aborted wait gives its place in the queue back", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1, maxQueued: 1 });
    const occupant = await occupy(fixture, transport);
    const gone = new AbortController();
    const first = rejection(transport.request({ url: urlOf(fixture, "/bytes/1"), signal: gone.signal }));
    gone.abort();
    const second = transport.request({ url: urlOf(fixture, "/bytes/2") });
    await first;
    await occupant.leave();
    assert.equal((await (await second).body.bytes()).byteLength, 2);
  }),
  rule("queue/abort-keeps-order", "an aborted wait does not change the order of the others", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const occupant = await occupy(fixture, transport);
    const gone = new AbortController();
    const order: number[] = [];
    const run = async (index: number): Promise<void> => {
      const signal = index === 1 ? { signal: gone.signal } : {};
      const response = await transport.request({ url: urlOf(fixture, "/bytes/1"), ...signal });
      order.push(index);
      await response.body.bytes();
    };
    const waiting = Promise.allSettled([0, 1, 2, 3].map(run));
    gone.abort();
    await occupant.leave();
    const ends = await waiting;
    assert.deepEqual(
      ends.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled", "fulfilled"],
    );
    assert.deepEqual(order, [0, 2, 3]);
  }),
  rule("queue/after-failure", "a place is given on when its exchange fails", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const failed = rejection(transport.request({ url: urlOf(fixture, "/no-answer"), method: "POST" }));
    const next = transport.request({ url: urlOf(fixture, "/bytes/5") });
    await failed;
    assert.equal((await (await next).body.bytes()).byteLength, 5);
  }),
  rule("queue/many", "a hundred exchanges pass through one place", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const sizes = Array.from({ length: 100 }, (_, index) => index);
    const answers = sizes.map(
      async (size) =>
        (await (await transport.request({ url: urlOf(fixture, `/bytes/${size}`) })).body.bytes()).byteLength,
    );
    assert.deepEqual(await Promise.all(answers), sizes);
    if (fixture.traits.sockets) assert.equal(transport.stats().totals.connectionsOpened, 1);
  }),
];
