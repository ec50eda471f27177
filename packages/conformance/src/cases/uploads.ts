import assert from "node:assert/strict";
import type { TransportResponse } from "@holdfast/transport";
import { type Case, type Fixture, rule, urlOf } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { steady, until } from "../turn.ts";

interface GivenUp {
  readonly signal?: AbortSignal;
  readonly deadlineMs?: number;
  /** Resolves never, or rejects when the source shall throw. */
  readonly more: Promise<never>;
  giveUp(): void;
}

/** Why an upload ends before its end. */
const reasons: Readonly<Record<string, () => GivenUp>> = {
  aborted: () => {
    const gone = new AbortController();
    return { signal: gone.signal, more: new Promise(() => {}), giveUp: () => gone.abort() };
  },
  late: () => ({ deadlineMs: 300, more: new Promise(() => {}), giveUp: () => {} }),
  thrown: () => {
    const { promise, reject } = Promise.withResolvers<never>();
    return { more: promise, giveUp: () => reject(new Error("the file is gone")) };
  },
};

/** How a caller gives up an exchange whose response has begun. */
const waysOut: Readonly<Record<string, (response: TransportResponse, gone: AbortController) => Promise<unknown>>> = {
  cancel: ({ body }) => body.cancel(),
  dispose: async (response) => response[Symbol.asyncDispose](),
  break: async ({ body }) => {
    for await (const _ of body) break;
  },
  abort: async (_, gone) => gone.abort(),
};

async function expectNeverWhole(fixture: Fixture, why: () => GivenUp, headers: Record<string, string>): Promise<void> {
  await using transport = await fixture.createTransport();
  const { control } = fixture.origin;
  const id = control.newId();
  const { more, giveUp, ...limits } = why();
  const body = async function* (): AsyncGenerator<Uint8Array> {
    yield pattern(10);
    await more;
  };
  const url = urlOf(fixture, "/inspect", id);
  const code = ["ABORTED", "DEADLINE_EXCEEDED"] as const;
  const failed = expectFailure(transport.request({ url, method: "POST", headers, body, ...limits }), { code });
  // It may be too late before it has arrived.
  await Promise.race([control.arrival(id), failed]);
  giveUp();
  await failed;
  await expectNotTakenForWhole(fixture, id);
}

async function expectNotTakenForWhole({ origin: { control } }: Fixture, id: string): Promise<void> {
  if (control.executions(id) > 0)
    await until("the origin sees the end of the request", () => control.departures(id) + control.wholeRequests(id) > 0);
  await steady(() => control.wholeRequests(id));
  assert.equal(
    control.wholeRequests(id),
    0,
    "the origin took what had come of an upload that was given up for a whole one",
  );
}

/** A request's body that is not what it was to be. */
export const uploadCases: readonly Case[] = [
  ...Object.entries(reasons).flatMap(([name, why]) =>
    [{}, { "content-length": "1000" }].map((headers) => {
      const told = "content-length" in headers ? "-told" : "";
      return rule(
        `uploads/${name}${told}`,
        `an upload that is given up never looks complete to the origin (${name}${told && ", of a told length"})`,
        (fixture) => expectNeverWhole(fixture, why, headers),
      );
    }),
  ),
  ...Object.entries(waysOut).map(([name, giveUp]) =>
    rule(
      `uploads/answered-${name}`,
      `an upload that is given up while its response is read never looks complete to the origin (${name})`,
      async (fixture) => {
        await using transport = await fixture.createTransport();
        const id = fixture.origin.control.newId();
        const gone = new AbortController();
        const more = Promise.withResolvers<void>();
        const body = async function* (): AsyncGenerator<Uint8Array> {
          yield pattern(10);
          await more.promise;
          yield pattern(10);
        };
        const url = urlOf(fixture, "/echo", id);
        const response = await transport.request({ url, method: "POST", body, signal: gone.signal });
        await giveUp(response, gone);
        more.resolve();
        await expectNotTakenForWhole(fixture, id);
      },
      "duplex",
    ),
  ),
  ...[
    { bytes: 900, what: "shorter" },
    { bytes: 1_100, what: "longer" },
  ].flatMap(({ bytes, what }) => {
    const send = { method: "POST", headers: { "content-length": "1000" }, body: () => chunksOf(bytes) };
    const expected = { code: "ABORTED", phase: "send" } as const;
    return [
      rule(
        `uploads/length-${what}`,
        `a stream that is ${what} than its declared length is ABORTED, its cause a TypeError, and harms not the next exchange`,
        async (fixture) => {
          await using transport = await fixture.createTransport({ maxConcurrent: 1 });
          const failed = transport.request({ url: urlOf(fixture, "/inspect"), ...send });
          const { cause } = await expectFailure(failed, expected);
          assert.ok(cause instanceof TypeError, `the cause is ${String(cause)} instead of a TypeError`);
          const next = await transport.request({ url: urlOf(fixture, "/bytes/5") });
          assert.equal((await next.body.bytes()).byteLength, 5);
        },
      ),
      rule(
        `uploads/length-${what}-beside`,
        `a stream that is ${what} than its declared length harms no exchange beside it on its connection`,
        async (fixture) => {
          await using transport = await fixture.createTransport();
          const { control } = fixture.origin;
          const id = control.newId();
          const beside = await transport.request({ url: urlOf(fixture, "/half", id) });
          await expectFailure(transport.request({ url: urlOf(fixture, "/inspect"), ...send }), expected);
          control.release(id);
          assert.equal(await beside.body.text(), "firstlast");
          const next = await transport.request({ url: urlOf(fixture, "/bytes/5") });
          assert.equal((await next.body.bytes()).byteLength, 5);
          assert.equal(next.connection.id, beside.connection.id);
        },
        "multiplexed",
      ),
    ];
  }),
];

async function* chunksOf(bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes; at += 100) yield pattern(100, at);
}
