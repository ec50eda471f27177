import assert from "node:assert/strict";
import type { Transport } from "@holdfast/transport";
import { type Case, type Fixture, hostileRule, rule, urlOf } from "../case.ts";
import { expectFailure, rejection } from "../expect-failure.ts";
import type { HostileOrigin } from "../hostile/hostile.ts";
import { pattern } from "../pattern.ts";
import { until } from "../turn.ts";
import { post } from "./next-works.ts";

/** So many at a time: one that is lost makes the last of them wait for ever. */
const places = 2;

async function nothingInFlight(transport: Transport): Promise<void> {
  const inFlight = (): number => transport.stats().exchanges.inFlight;
  await until("stats() shows nothing in flight", () => inFlight() === 0);
}

/** As many exchanges as there are places are under way at the same time, and then none is. */
async function expectPlaces(fixture: Fixture, transport: Transport): Promise<void> {
  const { control } = fixture.origin;
  const ids = Array.from({ length: places }, () => control.newId());
  const answers = ids.map((id) => transport.request({ url: urlOf(fixture, "/gate", id) }));
  for (const answer of answers) answer.catch(() => {});
  for (const [index, id] of ids.entries())
    await until(`after that, exchange ${index + 1} of ${places} arrives`, () => control.executions(id) === 1);
  assert.deepEqual(transport.stats().exchanges, { queued: 0, inFlight: places });
  for (const id of ids) control.release(id);
  for (const answer of answers) assert.equal(await (await answer).body.text(), "open");
  await nothingInFlight(transport);
}

/** The same of an origin that does what it is told. */
async function expectHostilePlaces(origin: HostileOrigin, transport: Transport): Promise<void> {
  const answers = Array.from({ length: places }, (_, index) => post(transport, origin, `/after-${index}`));
  for (const answer of answers) answer.catch(() => {});
  await until(`after that, ${places} exchanges are under way`, () => origin.untaken === places);
  for (let index = 0; index < places; index++) await (await origin.next()).respond();
  for (const answer of answers) assert.equal(await answer, "ok");
  await nothingInFlight(transport);
}

/** One chunk and then silence. */
async function* stuck(): AsyncGenerator<Uint8Array> {
  yield pattern(10);
  await new Promise(() => {});
}

/** The rest of a response that nobody wants any more, which still arrives. */
const rests: Readonly<Record<string, string>> = {
  "a short one, of which all has come": "/bytes/10",
  "a short one, of which a told rest comes": "/half?length=yes",
  "one of open length, of which a short rest comes": "/half",
  "an empty one": "/bytes/0",
};

/** Ways to end before the end; each resolves when the exchange is over for its caller. */
const ends: Readonly<Record<string, (fixture: Fixture, transport: Transport) => Promise<unknown>>> = {
  "aborted while it waits for its head": async (fixture, transport) => {
    const id = fixture.origin.control.newId();
    const gone = new AbortController();
    const failed = rejection(transport.request({ url: urlOf(fixture, "/gate", id), signal: gone.signal }));
    await fixture.origin.control.arrival(id);
    gone.abort();
    return failed;
  },
  "aborted while its body is sent": async (fixture, transport) => {
    const id = fixture.origin.control.newId();
    const gone = new AbortController();
    const request = { url: urlOf(fixture, "/inspect", id), method: "POST", body: stuck(), signal: gone.signal };
    const failed = rejection(transport.request(request));
    await fixture.origin.control.arrival(id);
    gone.abort();
    return failed;
  },
  "aborted while its response is read": async (fixture, transport) => {
    const gone = new AbortController();
    const url = urlOf(fixture, "/half", fixture.origin.control.newId());
    const response = await transport.request({ url, signal: gone.signal });
    const failed = rejection(response.body.text());
    gone.abort();
    return failed;
  },
  "too late": (fixture, transport) =>
    rejection(
      transport.request({ url: urlOf(fixture, "/gate", fixture.origin.control.newId()), timeouts: { headMs: 60 } }),
    ),
  "cut off": async (fixture, transport) =>
    rejection((await transport.request({ url: urlOf(fixture, "/cut/10") })).body.bytes()),
  "not answered": (fixture, transport) =>
    rejection(transport.request({ url: urlOf(fixture, "/no-answer"), method: "POST" })),
};

/** Whatever happens to an exchange, its place is there for another. */
export const placeCases: readonly Case[] = [
  ...Object.entries(rests).map(([what, path], index) =>
    rule(
      `places/given-up-${index + 1}`,
      `a body that is given up gives its place back, though its rest still arrives (${what})`,
      async (fixture) => {
        await using transport = await fixture.createTransport({ maxConcurrent: places });
        const { control } = fixture.origin;
        const ids = Array.from({ length: places }, () => control.newId());
        const responses = await Promise.all(ids.map((id) => transport.request({ url: urlOf(fixture, path, id) })));
        for (const { body } of responses) await body.cancel();
        for (const id of ids) control.release(id);
        await nothingInFlight(transport);
        await expectPlaces(fixture, transport);
      },
    ),
  ),
  ...Object.entries(ends).map(([what, end]) =>
    rule(`places/${what.replaceAll(" ", "-")}`, `an exchange that is ${what} gives its place back`, async (fixture) => {
      await using transport = await fixture.createTransport({ maxConcurrent: places });
      await Promise.all(Array.from({ length: places }, () => end(fixture, transport)));
      await expectPlaces(fixture, transport);
    }),
  ),
  hostileRule(
    "places/refused",
    "an exchange that the origin refuses gives its place back: it is sent again, and others beside it",
    { faults: ["refuse"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport({ maxConcurrent: places });
      const refused = Array.from({ length: places }, (_, index) => post(transport, origin, `/again-${index}`));
      for (const answer of refused) answer.catch(() => {});
      for (const index of refused.keys()) await (await origin.next(`/again-${index}`)).refuse();
      await until(`what was refused arrives again`, () => origin.untaken === places);
      for (const index of refused.keys()) await (await origin.next(`/again-${index}`)).respond();
      for (const answer of refused) assert.equal(await answer, "ok");
      await expectHostilePlaces(origin, transport);
    },
  ),
  hostileRule(
    "places/reset",
    "an exchange that the origin resets gives its place back",
    { faults: ["reset"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport({ maxConcurrent: places });
      const reset = Array.from({ length: places }, (_, index) =>
        expectFailure(post(transport, origin, `/reset-${index}`), { code: "STREAM_RESET" }),
      );
      for (const index of reset.keys()) await (await origin.next(`/reset-${index}`)).reset("internal");
      await Promise.all(reset);
      await expectHostilePlaces(origin, transport);
    },
  ),
];
