import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { ResponseBody, Transport } from "@holdfast/transport";
import { rule, urlOf, type Case, type Fixture } from "../case.ts";
import { rejection } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { steady, turn, until } from "../turn.ts";

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

/** What an adapter is right to say of these cases, and who runs them need not read. */
function withoutLeakWarning(): Disposable {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...about: unknown[]): void => {
    const [options] = about as [{ code?: string } | undefined];
    if (options?.code !== "HOLDFAST_RESPONSE_LEAKED") (emitWarning as (...args: unknown[]) => void)(warning, ...about);
  };
  return {
    [Symbol.dispose]: () => {
      process.emitWarning = emitWarning;
    },
  };
}

/** Sockets for which the process stays alive. */
function heldSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap" || name === "PipeWrap").length;
}

type Begin = (body: ResponseBody) => Promise<void> | void;

/** What was done with a response before it was thrown away. */
const beginnings: Readonly<Record<string, Begin>> = {
  "thrown-away": () => {},
  "thrown-away-stream": (body) => void body.stream(),
  "thrown-away-begun": async (body) => {
    const { value } = await body[Symbol.asyncIterator]().next();
    assert.equal(Buffer.from(value as Uint8Array).toString(), "first");
  },
};

// In a function of its own, so that no variable of the case keeps the response.
async function throwAway(fixture: Fixture, transport: Transport, id: string, begin: Begin): Promise<void> {
  const response = await transport.request({ url: urlOf(fixture, "/half", id) });
  assert.equal(response.status, 200);
  await begin(response.body);
}

/** Nothing is left behind. The runner itself checks timers, sockets and rejections after every case. */
export const leakCases: readonly Case[] = [
  ...Object.entries(beginnings).map(([name, begin]) =>
    rule(
      `leaks/${name}`,
      `a response that is garbage collected before it was read gives its place back and is counted (${name})`,
      async (fixture) => {
        await using transport = await fixture.createTransport({ maxConcurrent: 1 });
        const { control } = fixture.origin;
        const id = control.newId();
        using _ = withoutLeakWarning();
        await throwAway(fixture, transport, id, begin);
        const next = transport.request({ url: urlOf(fixture, "/bytes/5") });
        for (let tries = 0; tries < 100 && transport.stats().totals.responsesLeaked === 0; tries++) {
          collectGarbage();
          await turn();
        }
        assert.equal(transport.stats().totals.responsesLeaked, 1);
        assert.equal((await (await next).body.bytes()).byteLength, 5);
        await control.departure(id);
      },
    ),
  ),
  rule("leaks/kept", "a response that is read slowly is not taken for thrown away", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    for (const way of ["stream", "iterate", "text"] as const) {
      const id = control.newId();
      const { body } = await transport.request({ url: urlOf(fixture, "/half", id) });
      const reading =
        way === "text"
          ? body.text()
          : new Response(way === "stream" ? body.stream() : ReadableStream.from(body)).text();
      for (let tries = 0; tries < 5; tries++) {
        collectGarbage();
        await turn();
      }
      control.release(id);
      assert.equal(await reading, "firstlast");
    }
    assert.equal(transport.stats().totals.responsesLeaked, 0);
  }),
  rule(
    "leaks/trailers-ignored",
    "trailers that nobody awaits cause no unhandled rejection when the body fails",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, "/cut/10?length=no") });
      await rejection(response.body.bytes());
      await turn();
    },
  ),
  rule(
    "leaks/body-ignored",
    "a body that nobody reads causes no unhandled rejection when it fails",
    async (fixture) => {
      await using transport = await fixture.createTransport();
      const response = await transport.request({ url: urlOf(fixture, "/cut/10") });
      await until("the exchange failed", () => transport.stats().totals.exchangesFailed === 1);
      assert.equal(response.body.used, false);
    },
  ),
  rule("leaks/readable-destroyed", "a Readable that was not sent to its end is destroyed", async (fixture) => {
    await using transport = await fixture.createTransport();
    const { control } = fixture.origin;
    const id = control.newId();
    const body = new Readable({
      read() {
        // In a turn of its own: who takes no notice of back-pressure must not keep the case from going on.
        setImmediate(() => this.push(Buffer.from(pattern(16_384))));
      },
    });
    const gone = new AbortController();
    const failed = rejection(
      transport.request({ url: urlOf(fixture, "/gate", id), method: "POST", body, signal: gone.signal }),
    );
    await control.arrival(id);
    gone.abort();
    await failed;
    // A server that does not read a connection does not see its end.
    control.release(id);
    await until("the Readable is destroyed", () => body.destroyed);
  }),
  {
    ...rule("leaks/idle-holds", "a connection that is idle does not keep the process alive", async (fixture) => {
      await using transport = await fixture.createTransport();
      const { control } = fixture.origin;
      const [held, accepted] = [heldSockets(), control.openConnections];
      await (await transport.request({ url: urlOf(fixture, "/bytes/1") })).body.bytes();
      await until("the connection is idle", () => transport.stats().connections.idle === 1);
      await steady(heldSockets);
      // Where the origin is in this process, its end of the connection does.
      const origins = control.openConnections - accepted;
      assert.ok(
        heldSockets() - held <= origins,
        "an idle connection keeps the process alive; see hold() of the driver",
      );
    }),
    sockets: true,
  },
  rule("leaks/connections", "an exchange that ends well keeps its connection, and close() ends it", async (fixture) => {
    const transport = await fixture.createTransport();
    for (const path of ["/bytes/1", "/bytes/100000", "/status/204"])
      await (await transport.request({ url: urlOf(fixture, path) })).body.bytes();
    assert.deepEqual(transport.stats().connections, { connecting: 0, active: 0, idle: 1, draining: 0 });
    await transport.close();
  }),
];
