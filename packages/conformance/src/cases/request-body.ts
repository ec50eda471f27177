import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { Body } from "@holdfast/transport";
import { rule, urlOf, type Case, type Fixture } from "../case.ts";
import { expectFailure, rejection } from "../expect-failure.ts";
import type { Inspection } from "../origin/application.ts";
import { pattern } from "../pattern.ts";
import { steady } from "../turn.ts";

const mebibytes5 = 5 * 1_024 * 1_024;
const mebibytes64 = 64 * 1_024 * 1_024;

async function* pieces(size: number, chunkBytes = 65_536): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < size; offset += chunkBytes) yield pattern(Math.min(chunkBytes, size - offset), offset);
}

/** Every form of a body; each makes `size` bytes of the pattern. */
const forms: Readonly<Record<string, (size: number) => Body>> = {
  bytes: (size) => pattern(size),
  iterable: (size) => pieces(size),
  function: (size) => () => pieces(size),
  "web-stream": (size) => ReadableStream.from(pieces(size)),
  readable: (size) => Readable.from(pieces(size)),
};

/** An endless one-shot body that tells how much was pulled, and whether it was ended. */
function endless(): AsyncIterable<Uint8Array> & { pulledBytes: number; returned: boolean } {
  const body = {
    pulledBytes: 0,
    returned: false,
    [Symbol.asyncIterator]: () => ({
      next: () => {
        body.pulledBytes += 65_536;
        return Promise.resolve(
          body.pulledBytes > mebibytes64
            ? { done: true as const, value: undefined }
            : { done: false as const, value: pattern(65_536) },
        );
      },
      return: () => {
        body.returned = true;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  };
  return body;
}

async function sendAndInspect(fixture: Fixture, body: Body): Promise<Inspection> {
  await using transport = await fixture.createTransport();
  const response = await transport.request({ url: urlOf(fixture, "/inspect"), method: "POST", body });
  return (await response.body.json()) as Inspection;
}

/** Sending a body, in every form. */
export const requestBodyCases: readonly Case[] = [
  ...Object.entries(forms).flatMap(([form, make]) => [
    rule(`request-body/${form}-large`, `5 MiB arrive whole (${form})`, async (fixture) => {
      const seen = await sendAndInspect(fixture, make(mebibytes5));
      assert.equal(seen.bodyBytes, mebibytes5);
      assert.equal(seen.sha256, createHash("sha256").update(pattern(mebibytes5)).digest("hex"));
    }),
    rule(`request-body/${form}-empty`, `an empty body arrives as none (${form})`, async (fixture) => {
      assert.equal((await sendAndInspect(fixture, make(0))).bodyBytes, 0);
    }),
  ]),
  rule("request-body/string", "a string is sent as UTF-8", async (fixture) => {
    const text = "grüße, 世界 🙂";
    const seen = await sendAndInspect(fixture, text);
    assert.equal(seen.bodyBytes, Buffer.byteLength(text));
    assert.equal(seen.sha256, createHash("sha256").update(text).digest("hex"));
  }),
  rule("request-body/small-chunks", "chunks of one byte, and empty ones between, arrive whole", async (fixture) => {
    const seen = await sendAndInspect(fixture, async function* () {
      for await (const piece of pieces(300, 1)) {
        yield new Uint8Array();
        yield piece;
      }
    });
    assert.equal(seen.bodyBytes, 300);
    assert.equal(seen.sha256, createHash("sha256").update(pattern(300)).digest("hex"));
  }),
  rule("request-body/content-length", "a declared length is sent with a stream that keeps it", async (fixture) => {
    await using transport = await fixture.createTransport();
    const request = {
      url: urlOf(fixture, "/inspect"),
      method: "POST",
      headers: { "content-length": "1000" },
      body: () => pieces(1_000, 100),
    };
    const seen = (await (await transport.request(request)).body.json()) as Inspection;
    assert.equal(seen.headers["content-length"], "1000");
    assert.equal(seen.bodyBytes, 1_000);
  }),
  rule("request-body/function-again", "a function makes the body anew for each exchange", async (fixture) => {
    await using transport = await fixture.createTransport();
    let made = 0;
    const request = { url: urlOf(fixture, "/echo"), method: "POST", body: () => (made++, pieces(10)) };
    for (const _ of [1, 2]) assert.equal((await (await transport.request(request)).body.bytes()).byteLength, 10);
    assert.equal(made, 2);
  }),
  rule("request-body/one-shot-again", "a stream that was sent once cannot be sent again", async (fixture) => {
    await using transport = await fixture.createTransport();
    const body = ReadableStream.from(pieces(10));
    await (await transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body })).body.bytes();
    assert.ok(
      (await rejection(transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body }))) instanceof TypeError,
    );
  }),
  rule(
    "request-body/throws",
    "a body that throws ends the exchange as ABORTED with that error as its cause",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const cause = new Error("the file is gone");
      const body = async function* (): AsyncGenerator<Uint8Array> {
        yield pattern(10);
        throw cause;
      };
      const error = await expectFailure(transport.request({ url: urlOf(fixture, "/inspect"), method: "POST", body }), {
        code: "ABORTED",
        phase: "send",
        delivery: "maybe-sent",
      });
      assert.equal(error.cause, cause);
    },
  ),
  rule(
    "request-body/wrong-chunk",
    "a chunk that is not bytes ends the exchange as ABORTED, its cause a TypeError",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const body = async function* (): AsyncGenerator<Uint8Array> {
        yield "text" as unknown as Uint8Array;
      };
      const error = await expectFailure(transport.request({ url: urlOf(fixture, "/inspect"), method: "POST", body }), {
        code: "ABORTED",
      });
      assert.ok(error.cause instanceof TypeError);
    },
  ),
  rule("request-body/ended-on-abort", "a one-shot body is ended when its exchange is aborted", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const body = endless();
    const gone = new AbortController();
    const failed = rejection(
      transport.request({ url: urlOf(fixture, "/gate", id), method: "POST", body, signal: gone.signal }),
    );
    await control.arrival(id);
    gone.abort();
    await failed;
    // A server that does not read a connection does not see its end.
    control.release(id);
    await steady(() => Number(body.returned));
    assert.equal(body.returned, true);
  }),
  rule(
    "request-body/kept-when-queued",
    "a one-shot body is left to its caller when its exchange fails before its turn",
    async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: 1 });
      const { control } = fixture.origin;
      const id = control.newId();
      const first = transport.request({ url: urlOf(fixture, "/gate", id) });
      await control.arrival(id);
      const body = endless();
      const gone = new AbortController();
      const failed = rejection(
        transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body, signal: gone.signal }),
      );
      gone.abort();
      await failed;
      await steady(() => Number(body.returned));
      assert.equal(body.returned, false);
      assert.equal(body.pulledBytes, 0);
      control.release(id);
      await (await first).body.text();
    },
  ),
  rule("request-body/back-pressure", "an origin that does not read holds the body back", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const body = endless();
    const answer = transport.request({ url: urlOf(fixture, "/gate", id), method: "POST", body });
    await control.arrival(id);
    const pulled = await steady(() => body.pulledBytes);
    assert.ok(pulled < mebibytes64 / 2, `${pulled} bytes were pulled for an origin that does not read`);
    control.release(id);
    assert.equal(await (await answer).body.text(), "open");
  }),
  rule(
    "request-body/early-answer",
    "an answer that comes before the body is sent arrives, and ends the body",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const body = endless();
      const response = await transport.request({ url: urlOf(fixture, "/early"), method: "POST", body });
      assert.equal(response.status, 413);
      assert.equal(await response.body.text(), "too much");
      await steady(() => Number(body.returned));
      assert.ok(body.returned || body.pulledBytes > mebibytes64);
    },
  ),
  rule(
    "request-body/duplex",
    "a response can begin before the request body ends",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const heard = Promise.withResolvers<void>();
      const body = async function* (): AsyncGenerator<Uint8Array> {
        yield Buffer.from("ping");
        await heard.promise;
        yield Buffer.from("pong");
      };
      const response = await transport.request({ url: urlOf(fixture, "/echo"), method: "POST", body });
      const chunks: string[] = [];
      for await (const chunk of response.body) {
        chunks.push(Buffer.from(chunk).toString());
        heard.resolve();
      }
      assert.equal(chunks.join(""), "pingpong");
    },
    "duplex",
  ),
];
