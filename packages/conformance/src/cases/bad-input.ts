import assert from "node:assert/strict";
import type { TransportRequest } from "@holdfast/transport";
import { rule, urlOf, type Case, type Fixture, type FixtureOptions } from "../case.ts";
import { rejection } from "../expect-failure.ts";

function lockedStream(): ReadableStream<Uint8Array> {
  const stream = new ReadableStream<Uint8Array>();
  stream.getReader();
  return stream;
}

/** Requests that could never be sent: what is wrong with each, and what it is. `unknown`, because no type checker saw it. */
const badRequests: Readonly<Record<string, (fixture: Fixture) => unknown>> = {
  "no request": () => undefined,
  "no url": () => ({}),
  "a relative url": () => ({ url: "/path" }),
  "a url without a host": () => ({ url: "mailto:someone@origin.example" }),
  "an empty url": () => ({ url: "" }),
  "user information in the url": ({ origin }) => ({ url: origin.url.replace("//", "//user:pass@") }),
  "a line break in the method": (fixture) => ({ url: urlOf(fixture, "/echo"), method: "GET\r\nx: y" }),
  "a space in the method": (fixture) => ({ url: urlOf(fixture, "/echo"), method: "GET /" }),
  "an empty method": (fixture) => ({ url: urlOf(fixture, "/echo"), method: "" }),
  "a method that is no string": (fixture) => ({ url: urlOf(fixture, "/echo"), method: 7 }),
  "the method CONNECT": (fixture) => ({ url: urlOf(fixture, "/echo"), method: "CONNECT" }),
  "a line break in a field name": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { "x\r\ny": "1" } }),
  "a colon in a field name": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { "x:y": "1" } }),
  "an empty field name": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { "": "1" } }),
  "a pseudo-field": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { ":path": "/other" } }),
  "CR LF in a field value": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { "x-a": "1\r\nx-b: 2" } }),
  "LF in a field value": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { "x-a": "1\n2" } }),
  "NUL in a field value": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { "x-a": "1\0" } }),
  "a character beyond Latin-1 in a field value": (fixture) => ({
    url: urlOf(fixture, "/echo"),
    headers: { "x-a": "世界" },
  }),
  "a line break in a listed field value": (fixture) => ({
    url: urlOf(fixture, "/echo"),
    headers: { "x-a": ["1", "2\r\n3"] },
  }),
  "a field value that is a number": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { "x-a": 1 } }),
  "transfer-encoding": (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { "Transfer-Encoding": "chunked" } }),
  connection: (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { connection: "close" } }),
  upgrade: (fixture) => ({ url: urlOf(fixture, "/echo"), headers: { upgrade: "h2c" } }),
  "two content-lengths": (fixture) => ({
    url: urlOf(fixture, "/echo"),
    method: "POST",
    headers: { "content-length": ["1", "1"] },
    body: "x",
  }),
  "a content-length that lies": (fixture) => ({
    url: urlOf(fixture, "/echo"),
    method: "POST",
    headers: { "content-length": "5" },
    body: "x",
  }),
  "a content-length that is no number": (fixture) => ({
    url: urlOf(fixture, "/echo"),
    method: "POST",
    headers: { "content-length": "+1" },
    body: "x",
  }),
  "a body that is a number": (fixture) => ({ url: urlOf(fixture, "/echo"), method: "POST", body: 7 }),
  "a body that is a plain object": (fixture) => ({ url: urlOf(fixture, "/echo"), method: "POST", body: { a: 1 } }),
  "a body that is an ArrayBuffer": (fixture) => ({
    url: urlOf(fixture, "/echo"),
    method: "POST",
    body: new ArrayBuffer(4),
  }),
  "a body that is a locked stream": (fixture) => ({
    url: urlOf(fixture, "/echo"),
    method: "POST",
    body: lockedStream(),
  }),
  "a signal that is none": (fixture) => ({ url: urlOf(fixture, "/echo"), signal: { aborted: false } }),
  "a negative deadline": (fixture) => ({ url: urlOf(fixture, "/echo"), deadlineMs: -1 }),
  "a deadline that is no number": (fixture) => ({ url: urlOf(fixture, "/echo"), deadlineMs: NaN }),
  "an unknown timeout": (fixture) => ({ url: urlOf(fixture, "/echo"), timeouts: { totalMs: 1 } }),
  "a negative timeout": (fixture) => ({ url: urlOf(fixture, "/echo"), timeouts: { headMs: -1 } }),
  "an attempt of 0": (fixture) => ({ url: urlOf(fixture, "/echo"), attempt: 0 }),
};

/** Options that no transport can be made with, and what the message must name. */
const badOptions: Readonly<Record<string, unknown>> = {
  maxQueued: { maxQueued: -1 },
  "timeouts.headMs": { timeouts: { headMs: -1 } },
  "timeouts.queueMs": { timeouts: { queueMs: "10" } },
  "timeouts.bogusMs": { timeouts: { bogusMs: 1 } },
  "limits.bodyBytes": { limits: { bodyBytes: NaN } },
};

/** Nothing that is wrong gets as far as the queue. */
export const badInputCases: readonly Case[] = [
  ...Object.entries(badRequests).map(([what, make]) =>
    rule(
      `bad-input/${what.replaceAll(/[ -]+/g, "-").toLowerCase()}`,
      `${what}: a TypeError, and nothing is sent`,
      async (fixture) => {
        await using transport = await fixture.createTransport();
        const before = fixture.origin.control.exchanges;
        const error = await rejection(transport.request(make(fixture) as TransportRequest));
        assert.ok(error instanceof TypeError, String(error));
        assert.equal(fixture.origin.control.exchanges, before);
        assert.equal(transport.stats().totals.exchangesStarted, 0);
        assert.equal(transport.stats().totals.connectionsOpened, 0);
      },
    ),
  ),
  ...Object.entries(badOptions).map(([option, options]) =>
    rule(
      `bad-input/option-${option.toLowerCase()}`,
      `a bad ${option} is a TypeError of the factory that names it`,
      async (fixture) => {
        const error = await rejection((async () => fixture.createTransport(options as FixtureOptions))());
        assert.ok(error instanceof TypeError && error.message.includes(option), String(error));
      },
    ),
  ),
  rule("bad-input/accepted", "every character that a field may have is sent", async (fixture) => {
    await using transport = await fixture.createTransport();
    const value = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
      .join("")
      .trim();
    const response = await transport.request({
      url: urlOf(fixture, "/inspect"),
      headers: { "x-all": value, "!#$%&'*+-.^_`|~": "odd" },
    });
    const { headers } = (await response.body.json()) as { headers: Record<string, string> };
    assert.equal(headers["x-all"], value);
    assert.equal(headers["!#$%&'*+-.^_`|~"], "odd");
  }),
];
