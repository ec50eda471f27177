import assert from "node:assert/strict";
import { isTransportError, TransportError, type TransportRequest } from "@holdfast/transport";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import { expectExecutions } from "./expect-executions.ts";

const noAnswer = {
  code: ["CONNECTION_LOST", "STREAM_RESET"],
  phase: ["send", "head"],
  delivery: "maybe-sent",
} as const;

/** What a failure says, and what it must not say. */
export const errorCases: readonly Case[] = [
  rule(
    "errors/no-answer-post",
    "an origin that does not answer a POST may have acted on it: maybe-sent, and it ran once",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const id = fixture.origin.control.newId();
      const failed = transport.request({ url: urlOf(fixture, "/no-answer", id), method: "POST", body: "pay" });
      const error = await expectFailure(failed, noAnswer);
      assert.equal(error.replaySafe, false);
      expectExecutions(fixture, id, 1);
    },
  ),
  rule(
    "errors/no-answer-reused",
    "the same on a connection that was used before: a POST still runs once",
    async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: 1 });
      await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
      const id = fixture.origin.control.newId();
      const failed = transport.request({ url: urlOf(fixture, "/no-answer", id), method: "POST", body: "pay" });
      const error = await expectFailure(failed, noAnswer);
      assert.equal(error.reused, true);
      expectExecutions(fixture, id, 1);
    },
  ),
  rule("errors/no-answer-get", "a GET without an answer fails too, having run twice at most", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
    const id = fixture.origin.control.newId();
    await expectFailure(transport.request({ url: urlOf(fixture, "/no-answer", id) }), noAnswer);
    assert.ok(fixture.origin.control.executions(id) <= 2);
  }),
  rule("errors/not-idempotent", "idempotent: false keeps a GET from being sent again", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
    const id = fixture.origin.control.newId();
    await expectFailure(transport.request({ url: urlOf(fixture, "/no-answer", id), idempotent: false }), noAnswer);
    expectExecutions(fixture, id, 1);
  }),
  rule(
    "errors/cause",
    "a lost connection's own error, the engine's or the system's, is kept as the cause",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const error = await expectFailure(
        transport.request({ url: urlOf(fixture, "/no-answer"), method: "POST" }),
        noAnswer,
      );
      // A peer that resets a stream says so in a frame, for which no engine need raise an error.
      if (error.code === "STREAM_RESET" && error.cause === undefined) return;
      assert.ok(
        error.cause instanceof Error,
        `the cause is ${String(error.cause)}; of ${error.code} it has to be the socket's error, or one that says that the peer closed it`,
      );
    },
  ),
  rule("errors/facts", "an error tells origin, protocol, attempt and elapsed time", async (fixture) => {
    await using transport = await fixture.createTransport();
    const error = await expectFailure(
      transport.request({ url: urlOf(fixture, "/no-answer"), method: "POST", attempt: 3 }),
      noAnswer,
    );
    assert.ok(error instanceof Error && isTransportError(error));
    assert.equal(error.name, TransportError.prototype.name);
    assert.equal(error.origin, new URL(fixture.origin.url).origin);
    assert.equal(error.protocol, transport.protocol);
    assert.equal(error.attempt, 3);
    assert.deepEqual(error.attempts, []);
    assert.ok(error.elapsedMs > 0);
  }),
  rule("errors/discreet", "no message carries a path, a field or a body", async (fixture) => {
    await using transport = await fixture.createTransport({ timeouts: { headMs: 50, bodyGapMs: 50 } });
    const { control } = fixture.origin;
    const secret = "s3cr3t";
    const ask = async (path: string, more: Partial<TransportRequest> = {}): Promise<unknown> => {
      const request = {
        url: urlOf(fixture, path, `${secret}-${control.newId()}`),
        method: "POST",
        headers: { authorization: secret, cookie: secret },
        body: secret,
        ...more,
      };
      return (await transport.request(request)).body.text();
    };
    const failures = [
      ask("/no-answer"),
      ask("/cut/10"),
      ask("/gate"),
      ask("/half"),
      ask("/gate", { deadlineMs: 20 }),
      ask("/gate", { signal: AbortSignal.abort() }),
      ask("/bytes/1", { headers: { authorization: `${secret}\r\nx: y` } }),
      ask("/bytes/1", { method: `${secret} X` }),
      ask("/bytes/1", { url: `http://${secret}:${secret}@origin.example/` }),
      ask("/bytes/1", { url: `/${secret}` }),
    ];
    for (const result of await Promise.allSettled(failures)) {
      if (result.status === "fulfilled") assert.fail("expected a failure");
      const error = result.reason as Error;
      assert.ok(!error.message.includes(secret), error.message);
      assert.ok(
        !error.message.includes("/no-answer") && !error.message.includes("/cut") && !error.message.includes("/gate"),
        error.message,
      );
      if (isTransportError(error))
        assert.ok(!error.origin.includes(secret) && error.message.includes(error.origin), error.message);
    }
  }),
  rule("errors/next", "a failure leaves nothing behind for the next exchange", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    for (const path of ["/no-answer", "/cut/10", "/cut/10?length=no", "/no-answer"]) {
      await Promise.allSettled([
        transport.request({ url: urlOf(fixture, path), method: "POST" }).then(({ body }) => body.bytes()),
      ]);
      const next = await transport.request({ url: urlOf(fixture, "/bytes/7") });
      assert.equal((await next.body.bytes()).byteLength, 7);
    }
  }),
  rule(
    "errors/unsupported-scheme",
    "a scheme that the adapter does not speak is UNSUPPORTED, or a TypeError",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      for (const url of ["ftp://origin.example/", "gopher://origin.example/"]) {
        try {
          await transport.request({ url });
          assert.fail("expected a failure");
        } catch (error) {
          if (error instanceof TypeError) continue;
          assert.ok(
            isTransportError(error) && error.code === "UNSUPPORTED" && error.delivery === "not-sent",
            String(error),
          );
        }
      }
    },
  ),
];
