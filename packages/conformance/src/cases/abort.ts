import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import type { ResponseBody } from "@holdfast/transport";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure, withinOneTurn } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { until } from "../turn.ts";
import { occupy } from "./occupy.ts";
import { expectExecutions } from "./expect-executions.ts";

/** One chunk and then silence. */
async function* stuck(): AsyncGenerator<Uint8Array> {
  yield pattern(10);
  await new Promise(() => {});
}

const readers: Readonly<Record<string, (body: ResponseBody) => Promise<unknown>>> = {
  bytes: (body) => body.bytes(),
  text: (body) => body.text(),
  iterate: async (body) => {
    for await (const _ of body);
  },
  stream: async (body) => {
    for await (const _ of body.stream());
  },
};

/** The caller gives up. */
export const abortCases: readonly Case[] = [
  rule("abort/before", "a signal that has fired rejects at once, and nothing is sent", async (fixture) => {
    await using transport = await fixture.createTransport();
    const id = fixture.origin.control.newId();
    const reason = new Error("changed my mind");
    const request = { url: urlOf(fixture, "/bytes/1", id), signal: AbortSignal.abort(reason) };
    const error = await expectFailure(withinOneTurn(transport.request(request)), {
      code: "ABORTED",
      delivery: "not-sent",
    });
    assert.equal(error.cause, reason);
    expectExecutions(fixture, id, 0);
  }),
  rule("abort/queued", "an abort while queued settles within one turn, not-sent", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const occupant = await occupy(fixture, transport);
    const id = fixture.origin.control.newId();
    const gone = new AbortController();
    const reason = new Error("changed my mind");
    const answer = transport.request({ url: urlOf(fixture, "/bytes/1", id), method: "POST", signal: gone.signal });
    gone.abort(reason);
    const error = await expectFailure(withinOneTurn(answer), { code: "ABORTED", phase: "queue", delivery: "not-sent" });
    assert.equal(error.cause, reason);
    await occupant.leave();
    expectExecutions(fixture, id, 0);
  }),
  rule("abort/dialling", "an abort right after the call settles within one turn", async (fixture) => {
    await using transport = await fixture.createTransport();
    const id = fixture.origin.control.newId();
    const gone = new AbortController();
    const reason = { not: "an error" };
    const answer = transport.request({ url: urlOf(fixture, "/half", id), signal: gone.signal });
    gone.abort(reason);
    const error = await expectFailure(withinOneTurn(answer), { code: "ABORTED" });
    assert.equal(error.cause, reason);
    if (fixture.traits.sockets) assert.equal(error.delivery, "not-sent");
    const next = await transport.request({ url: urlOf(fixture, "/bytes/5") });
    assert.equal((await next.body.bytes()).byteLength, 5);
    if (fixture.traits.sockets) expectExecutions(fixture, id, 0);
  }),
  rule(
    "abort/sending",
    "an abort while the body is being sent settles within one turn, and the origin sees the client leave",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const { control } = fixture.origin;
      const id = control.newId();
      const gone = new AbortController();
      const answer = transport.request({
        url: urlOf(fixture, "/inspect", id),
        method: "POST",
        body: stuck(),
        signal: gone.signal,
      });
      await control.arrival(id);
      gone.abort();
      const error = await expectFailure(withinOneTurn(answer), {
        code: "ABORTED",
        phase: "send",
        delivery: "maybe-sent",
      });
      assert.equal(error.cause, gone.signal.reason);
      await control.departure(id);
    },
  ),
  rule(
    "abort/waiting",
    "an abort while waiting for the head settles within one turn, maybe-sent, and the origin sees the client leave",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const { control } = fixture.origin;
      const id = control.newId();
      const gone = new AbortController();
      const reason = new Error("changed my mind");
      const answer = transport.request({ url: urlOf(fixture, "/gate", id), signal: gone.signal });
      await control.arrival(id);
      gone.abort(reason);
      const error = await expectFailure(withinOneTurn(answer), {
        code: "ABORTED",
        phase: "head",
        delivery: "maybe-sent",
      });
      assert.equal(error.cause, reason);
      assert.equal(error.replaySafe, false);
      await control.departure(id);
    },
  ),
  ...Object.entries(readers).map(([name, read]) =>
    rule(
      `abort/reading-${name}`,
      `an abort while the body is being read rejects the read within one turn (${name})`,
      async (fixture) => {
        await using transport = await fixture.createTransport();
        const { control } = fixture.origin;
        const id = control.newId();
        const gone = new AbortController();
        const reason = new Error("changed my mind");
        const response = await transport.request({ url: urlOf(fixture, "/half", id), signal: gone.signal });
        const reading = read(response.body);
        reading.catch(() => {});
        gone.abort(reason);
        const error = await expectFailure(withinOneTurn(reading), {
          code: "ABORTED",
          phase: "body",
          delivery: "answered",
        });
        assert.equal(error.cause, reason);
        await control.departure(id);
      },
    ),
  ),
  rule("abort/unread", "an abort before the body is read makes reading fail", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const gone = new AbortController();
    const response = await transport.request({ url: urlOf(fixture, "/half", id), signal: gone.signal });
    gone.abort();
    await expectFailure(response.body.text(), { code: "ABORTED", delivery: "answered" });
    await control.departure(id);
  }),
  rule("abort/default-reason", "without a reason the cause is the signal's own AbortError", async (fixture) => {
    await using transport = await fixture.createTransport();
    const gone = new AbortController();
    const answer = transport.request({
      url: urlOf(fixture, "/gate", fixture.origin.control.newId()),
      signal: gone.signal,
    });
    gone.abort();
    const error = await expectFailure(answer, { code: "ABORTED" });
    assert.equal((error.cause as Error).name, "AbortError");
    assert.equal(error.cause, gone.signal.reason);
  }),
  rule("abort/after-end", "an abort after the end is harmless", async (fixture) => {
    await using transport = await fixture.createTransport();
    const gone = new AbortController();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/5"), signal: gone.signal });
    const bytes = await response.body.bytes();
    gone.abort();
    assert.equal(bytes.byteLength, 5);
    await response.trailers;
    assert.equal(transport.stats().totals.exchangesFailed, 0);
    const next = await transport.request({ url: urlOf(fixture, "/bytes/5") });
    assert.equal((await next.body.bytes()).byteLength, 5);
  }),
  rule("abort/others", "an abort of one exchange leaves the others alone", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const ids = [control.newId(), control.newId()] as const;
    const gone = new AbortController();
    const first = transport.request({ url: urlOf(fixture, "/half", ids[0]), signal: gone.signal });
    const second = transport.request({ url: urlOf(fixture, "/half", ids[1]) });
    await Promise.all([first, second]);
    gone.abort();
    await control.departure(ids[0]);
    control.release(ids[1]);
    assert.equal(await (await second).body.text(), "firstlast");
    assert.equal(control.departures(ids[1]), 0);
  }),
  rule(
    "abort/keeps-connection",
    "where exchanges share a connection, an abort does not cost it",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const { control } = fixture.origin;
      const id = control.newId();
      const gone = new AbortController();
      const first = await transport.request({ url: urlOf(fixture, "/half", id), signal: gone.signal });
      gone.abort();
      await control.departure(id);
      const next = await transport.request({ url: urlOf(fixture, "/bytes/5") });
      await next.body.bytes();
      assert.equal(next.connection.id, first.connection.id);
    },
    "multiplexed",
  ),
  rule("abort/shared-signal", "one signal ends all the exchanges that it was given to", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 2 });
    const { control } = fixture.origin;
    const gone = new AbortController();
    const ids = [0, 1, 2, 3].map(() => control.newId());
    const answers = ids.map((id) => transport.request({ url: urlOf(fixture, "/gate", id), signal: gone.signal }));
    await control.waitFor(() => ids.filter((id) => control.executions(id) > 0).length === 2);
    gone.abort();
    for (const answer of answers.map((one) => withinOneTurn(one))) await expectFailure(answer, { code: "ABORTED" });
    await until("nothing is under way", () => {
      const { queued, inFlight } = transport.stats().exchanges;
      return queued + inFlight === 0;
    });
  }),
  rule(
    "abort/listeners",
    "no listener is left on a signal when its exchange is over, however it ended",
    async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: 1, maxQueued: 0 });
      const { signal } = new AbortController();
      const send = async (path: string): Promise<void> => {
        const response = await transport.request({ url: urlOf(fixture, path), method: "POST", signal });
        await response.body.bytes();
      };
      await send("/bytes/10");
      await Promise.allSettled([send("/no-answer"), send("/bytes/1"), send("/bytes/2")]);
      await Promise.allSettled([send("/cut/10")]);
      const given = await transport.request({ url: urlOf(fixture, "/half", fixture.origin.control.newId()), signal });
      assert.equal(getEventListeners(signal, "abort").length, 1);
      await given.body.cancel();
      assert.equal(getEventListeners(signal, "abort").length, 0);
    },
  ),
];
