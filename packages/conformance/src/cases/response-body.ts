import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ResponseBody } from "@holdfast/transport";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure, rejection } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { steady } from "../turn.ts";

const mebibytes5 = 5 * 1_024 * 1_024;
const mebibytes64 = 64 * 1_024 * 1_024;

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function total(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) bytes += chunk.byteLength;
  return bytes;
}

/** Reading a response, in every way and to every end. */
export const responseBodyCases: readonly Case[] = [
  ...["yes", "no"].flatMap((length) => [
    rule(`response-body/empty-length-${length}`, `an empty body ends (content-length: ${length})`, async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, `/bytes/0?length=${length}`) });
      assert.equal(await response.body.text(), "");
    }),
    rule(`response-body/large-length-${length}`, `5 MiB arrive whole (content-length: ${length})`, async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, `/bytes/${mebibytes5}?length=${length}`) });
      assert.equal(sha256(await response.body.bytes()), sha256(pattern(mebibytes5)));
    }),
    rule(
      `response-body/small-chunks-length-${length}`,
      `a body in chunks of one byte arrives whole (content-length: ${length})`,
      async (fixture) => {
        await using transport = await fixture.createTransport();
        const response = await transport.request({ url: urlOf(fixture, `/bytes/600?chunk=1&length=${length}`) });
        assert.equal(sha256(await response.body.bytes()), sha256(pattern(600)));
      },
    ),
  ]),
  rule("response-body/iterate", "iterating gives the bytes in order", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, `/bytes/${mebibytes5}`) });
    const hash = createHash("sha256");
    for await (const chunk of response.body) hash.update(chunk);
    assert.equal(hash.digest("hex"), sha256(pattern(mebibytes5)));
  }),
  rule("response-body/stream", "stream() gives the same bytes as a web stream", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/300000") });
    const stream = response.body.stream();
    assert.ok(stream instanceof ReadableStream);
    const bytes = await new Response(stream).bytes();
    assert.equal(sha256(bytes), sha256(pattern(300_000)));
  }),
  rule("response-body/text", "text() decodes UTF-8 across chunks", async (fixture) => {
    await using transport = await fixture.createTransport();
    const body = "grüße, 世界 🙂";
    async function* bytewise(): AsyncGenerator<Uint8Array> {
      for (const byte of Buffer.from(body)) yield Uint8Array.of(byte);
    }
    const response = await transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body: bytewise });
    assert.equal(await response.body.text(), body);
  }),
  rule("response-body/json", "json() parses, and rejects with a SyntaxError what is not JSON", async (fixture) => {
    await using transport = await fixture.createTransport();
    const good = await transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body: '{"a":[1]}' });
    assert.deepEqual(await good.body.json(), { a: [1] });
    const bad = await transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body: "{" });
    assert.ok((await rejection(bad.body.json())) instanceof SyntaxError);
  }),
  rule("response-body/as-it-comes", "the head and the first chunk are there before the body ends", async (fixture) => {
    await using transport = await fixture.createTransport();
    const id = fixture.origin.control.newId();
    const response = await transport.request({ url: urlOf(fixture, "/half", id) });
    const chunks = response.body[Symbol.asyncIterator]();
    assert.equal(Buffer.from((await chunks.next()).value as Uint8Array).toString(), "first");
    assert.equal(response.timings.end, undefined);
    fixture.origin.control.release(id);
    assert.equal(Buffer.from((await chunks.next()).value as Uint8Array).toString(), "last");
    assert.equal((await chunks.next()).done, true);
  }),
  ...(["bytes", "text", "json", "stream", "iterate"] as const).map((second) =>
    rule(`response-body/one-shot-${second}`, `a second reader gets a TypeError (${second})`, async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, "/bytes/10") });
      assert.equal(response.body.used, false);
      const first = response.body.bytes();
      assert.equal(response.body.used, true);
      const readers: Record<typeof second, (body: ResponseBody) => Promise<unknown>> = {
        bytes: (body) => body.bytes(),
        text: (body) => body.text(),
        json: (body) => body.json(),
        stream: async (body) => body.stream(),
        iterate: (body) => total(body),
      };
      assert.ok((await rejection(readers[second](response.body))) instanceof TypeError);
      assert.equal((await first).byteLength, 10);
    }),
  ),
  rule("response-body/used-after-cancel", "a cancelled body counts as used", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/10") });
    await response.body.cancel();
    assert.equal(response.body.used, true);
    assert.ok((await rejection(response.body.bytes())) instanceof TypeError);
  }),
  ...(["cancel", "dispose", "dispose-body", "break", "cancel-stream"] as const).map((way) =>
    rule(
      `response-body/give-up-${way}`,
      `giving a body up frees its place and tells the origin (${way})`,
      async (fixture) => {
        await using transport = await fixture.createTransport({ maxConcurrent: 1 });
        const { control } = fixture.origin;
        const id = control.newId();
        const response = await transport.request({ url: urlOf(fixture, "/half", id) });
        if (way === "cancel") await response.body.cancel();
        else if (way === "dispose") await response[Symbol.asyncDispose]();
        else if (way === "dispose-body") await response.body[Symbol.asyncDispose]();
        else if (way === "cancel-stream") await response.body.stream().cancel();
        else for await (const _ of response.body) break;
        const next = await transport.request({ url: urlOf(fixture, "/bytes/5") });
        assert.equal((await next.body.bytes()).byteLength, 5);
        await control.departure(id);
      },
    ),
  ),
  rule(
    "response-body/give-up-twice",
    "cancelling or disposing again, or after the end, is harmless",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, "/bytes/10") });
      await response.body.bytes();
      await response.body.cancel();
      await response.body.cancel(new Error("again"));
      await response[Symbol.asyncDispose]();
      await response.body[Symbol.asyncDispose]();
    },
  ),
  rule("response-body/cancel-reason", "cancel() rejects a read that waits with its reason", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/half", fixture.origin.control.newId()) });
    const reason = new Error("no longer wanted");
    const failed = rejection(response.body.text());
    await response.body.cancel(reason);
    assert.equal(await failed, reason);
  }),
  rule("response-body/head", "a response to HEAD has the fields of the body, and none", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/1000"), method: "HEAD" });
    assert.equal(response.headers["content-length"], "1000");
    assert.equal((await response.body.bytes()).byteLength, 0);
  }),
  ...[204, 304].map((status) =>
    rule(`response-body/status-${status}`, `status ${status} has no body and ends at once`, async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, `/status/${status}`) });
      assert.equal(await response.body.text(), "");
      assert.notEqual(response.timings.end, undefined);
    }),
  ),
  ...["yes", "no"].map((length) =>
    rule(
      `response-body/cut-length-${length}`,
      `a body that breaks off is TRUNCATED, after what arrived of it (content-length: ${length})`,
      async (fixture) => {
        await using transport = await fixture.createTransport();
        const response = await transport.request({ url: urlOf(fixture, `/cut/1000?length=${length}`) });
        let bytes = 0;
        const reading = (async () => {
          for await (const chunk of response.body) bytes += chunk.byteLength;
        })();
        await expectFailure(reading, { code: "TRUNCATED", phase: "body", delivery: "answered" });
        assert.equal(bytes, 1_000);
      },
    ),
  ),
  rule(
    "response-body/cut-collected",
    "bytes(), text() and stream() of a body that breaks off fail too",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const readers: ((body: ResponseBody) => Promise<unknown>)[] = [
        (body) => body.bytes(),
        (body) => body.text(),
        (body) => total(body.stream()),
      ];
      for (const read of readers) {
        const response = await transport.request({ url: urlOf(fixture, "/cut/100") });
        await expectFailure(read(response.body), { code: "TRUNCATED", phase: "body", delivery: "answered" });
      }
    },
  ),
  rule("response-body/back-pressure", "a body that is not read holds the origin back", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const response = await transport.request({ url: urlOf(fixture, `/bytes/${mebibytes64}`, id) });
    const sent = await steady(() => control.sentBytes(id));
    assert.ok(sent < mebibytes64 / 2, `the origin sent ${sent} bytes to a reader that does not read`);
    await response.body.cancel();
  }),
  rule("response-body/paused", "a body that is read in fits and starts arrives whole", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, `/bytes/${mebibytes5}`) });
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of response.body) {
      hash.update(chunk);
      if (bytes < 1_024 * 1_024 !== (bytes += chunk.byteLength) < 1_024 * 1_024) await steady(() => bytes);
    }
    assert.equal(hash.digest("hex"), sha256(pattern(mebibytes5)));
  }),
];
