import assert from "node:assert/strict";
import type { ResponseBody } from "@holdfast/transport";
import { rule, urlOf, type Case } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";

const collectors: Readonly<Record<string, (body: ResponseBody, options: { maxBytes?: number }) => Promise<unknown>>> = {
  bytes: (body, options) => body.bytes(options),
  text: (body, options) => body.text(options),
  json: (body, options) => body.json(options),
};

/** Nothing grows without a bound. */
export const limitCases: readonly Case[] = [
  ...Object.entries(collectors).map(([name, collect]) =>
    rule(`limits/max-bytes-${name}`, `${name}({ maxBytes }) fails with LIMIT_EXCEEDED beyond it`, async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: 1 });
      const response = await transport.request({ url: urlOf(fixture, "/bytes/200000?length=no") });
      await expectFailure(collect(response.body, { maxBytes: 100_000 }), {
        code: "LIMIT_EXCEEDED",
        phase: "body",
        delivery: "answered",
        names: "maxBytes",
      });
      const next = await transport.request({ url: urlOf(fixture, "/bytes/5") });
      assert.equal((await next.body.bytes()).byteLength, 5);
    }),
  ),
  rule("limits/max-bytes-exact", "a body of exactly maxBytes is not too long", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/100000") });
    assert.equal((await response.body.bytes({ maxBytes: 100_000 })).byteLength, 100_000);
  }),
  rule(
    "limits/body-bytes",
    "limits.bodyBytes is what bytes() collects at most, and maxBytes overrides it",
    async (fixture) => {
      await using transport = await fixture.createTransport({ limits: { bodyBytes: 1_000 } });
      const short = await transport.request({ url: urlOf(fixture, "/bytes/1001") });
      await expectFailure(short.body.bytes(), { code: "LIMIT_EXCEEDED", names: "limits.bodyBytes" });
      const long = await transport.request({ url: urlOf(fixture, "/bytes/1001") });
      assert.equal((await long.body.bytes({ maxBytes: 2_000 })).byteLength, 1_001);
    },
  ),
  rule("limits/streaming", "limits.bodyBytes does not bound what is streamed", async (fixture) => {
    await using transport = await fixture.createTransport({ limits: { bodyBytes: 1_000 } });
    const response = await transport.request({ url: urlOf(fixture, "/bytes/300000") });
    let bytes = 0;
    for await (const chunk of response.body) bytes += chunk.byteLength;
    assert.equal(bytes, 300_000);
  }),
  rule("limits/default", "without a limit of the caller's, bytes() stops at 10 MiB", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, `/bytes/${10 * 1_024 * 1_024 + 1}`) });
    await expectFailure(response.body.bytes(), { code: "LIMIT_EXCEEDED" });
  }),
  rule(
    "limits/fields",
    "a response head of more than 128 fields is LIMIT_EXCEEDED, of 100 it is not",
    async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: 1 });
      const many = transport.request({ url: urlOf(fixture, "/many-fields/200"), method: "POST" });
      await expectFailure(many, { code: "LIMIT_EXCEEDED", phase: "head", names: "limits.maxFields" });
      const fewer = await transport.request({ url: urlOf(fixture, "/many-fields/100") });
      assert.equal(await fewer.body.text(), "many");
      assert.equal(fewer.headers["x-99"], "1");
    },
  ),
  rule(
    "limits/trailer-fields",
    "trailers of more than 128 fields are LIMIT_EXCEEDED, of 100 they are not",
    async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: 1 });
      const many = await transport.request({ url: urlOf(fixture, "/many-fields/200?trailers=yes") });
      const read = many.body.text().then(() => many.trailers);
      await expectFailure(read, { code: "LIMIT_EXCEEDED", phase: "body", names: "limits.maxFields" });
      await expectFailure(many.trailers, { code: "LIMIT_EXCEEDED" });
      const fewer = await transport.request({ url: urlOf(fixture, "/many-fields/100?trailers=yes") });
      assert.equal(await fewer.body.text(), "many");
      assert.equal((await fewer.trailers)["x-99"], "1");
    },
    "responseTrailers",
  ),
  rule("limits/fails-the-exchange", "a body that is too long counts as failed", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/2000000") });
    await expectFailure(response.body.bytes({ maxBytes: 1 }), { code: "LIMIT_EXCEEDED" });
    assert.equal(transport.stats().totals.exchangesFailed, 1);
  }),
];
