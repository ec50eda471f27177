import assert from "node:assert/strict";
import type { Timings } from "@holdfast/transport";
import { rule, urlOf, type Case } from "../case.ts";
import { rejection } from "../expect-failure.ts";
import { occupy } from "./occupy.ts";

const travelOrder = ["queued", "resolved", "connected", "secured", "ready", "sent", "firstByte", "end"] as const;

function assertInOrder(timings: Timings): void {
  const happened = travelOrder.flatMap((phase) =>
    timings[phase] === undefined ? [] : [[phase, timings[phase]] as const],
  );
  for (const [phase, ms] of happened) assert.ok(Number.isFinite(ms) && ms >= 0, `${phase} is ${ms}`);
  const sorted = happened.toSorted(([, a], [, b]) => a - b);
  assert.deepEqual(
    happened.map(([phase]) => phase),
    sorted.map(([phase]) => phase),
  );
}

/** Where the time went. */
export const timingCases: readonly Case[] = [
  rule("timings/order", "the phases of a first exchange are in travel order", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/bytes/100000") });
    await response.body.bytes();
    assertInOrder(response.timings);
    assert.notEqual(response.timings.sent, undefined);
    if (fixture.traits.sockets) assert.notEqual(response.timings.connected, undefined);
  }),
  rule("timings/live", "end is set when the body is done, not before", async (fixture) => {
    await using transport = await fixture.createTransport();
    const id = fixture.origin.control.newId();
    const response = await transport.request({ url: urlOf(fixture, "/half", id) });
    assert.equal(response.timings.end, undefined);
    assert.ok(response.timings.firstByte > 0);
    fixture.origin.control.release(id);
    await response.body.text();
    assert.ok((response.timings.end ?? 0) >= response.timings.firstByte);
  }),
  rule("timings/reused", "an exchange on a connection that was there has no dialling in it", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
    const { body, timings } = await transport.request({ url: urlOf(fixture, "/bytes/1") });
    await body.bytes();
    assertInOrder(timings);
    const { resolved, connected, secured, ready } = timings;
    assert.deepEqual([resolved, connected, secured, ready], [undefined, undefined, undefined, undefined]);
  }),
  rule("timings/queued", "queued tells when the place was got", async (fixture) => {
    await using transport = await fixture.createTransport({ maxConcurrent: 1 });
    const occupant = await occupy(fixture, transport);
    const queued = transport.request({ url: urlOf(fixture, "/bytes/1") });
    // A second exchange's own limit lets a known time pass.
    await rejection(transport.request({ url: urlOf(fixture, "/bytes/1"), timeouts: { queueMs: 40 } }));
    await occupant.leave();
    const response = await queued;
    await response.body.bytes();
    assert.ok(response.timings.queued >= 35, `queued is ${response.timings.queued}`);
    assertInOrder(response.timings);
  }),
  rule("timings/cancelled", "end is set when the body was given up", async (fixture) => {
    await using transport = await fixture.createTransport();
    const response = await transport.request({ url: urlOf(fixture, "/half", fixture.origin.control.newId()) });
    await response.body.cancel();
    assertInOrder(response.timings);
    assert.notEqual(response.timings.end, undefined);
  }),
];
