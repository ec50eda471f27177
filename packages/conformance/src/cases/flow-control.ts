import assert from "node:assert/strict";
import { type Case, hostileRule } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import { pattern } from "../pattern.ts";
import { steady, turn, until } from "../turn.ts";
import { expectNextWorks } from "./next-works.ts";

/** The least that every protocol can say. */
const creditBytes = 65_536;
const pieceBytes = 65_536;
/** More than an engine takes over at once, after which a body would count as sent. */
const mebibyte = 1_024 * 1_024;

/** Neither end sends more than the other has room for. */
export const flowControlCases: readonly Case[] = [
  hostileRule(
    "flow-control/upload-stops",
    "a body stops where the origin takes no more, holds up no other exchange, and goes on when it takes more",
    { faults: ["credit"], requires: ["multiplexed"], options: { creditBytes } },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const bytes = 200_000;
      const answer = transport.request({ url: `${origin.url}/up`, method: "POST", body: pattern(bytes) });
      const exchange = await origin.next("/up");
      const received = await steady(() => exchange.receivedBytes);
      assert.ok(received <= creditBytes, `${received} bytes came, where ${creditBytes} were taken`);
      await expectNextWorks(transport, origin);
      assert.equal(exchange.receivedBytes, received);
      await exchange.giveCredit(bytes);
      assert.ok(Buffer.from(await exchange.body()).equals(pattern(bytes)));
      await exchange.respond();
      assert.equal(await (await answer).body.text(), "ok");
      assert.equal(origin.connections.length, 1);
    },
  ),
  hostileRule(
    "flow-control/upload-by-bits",
    "a body that the origin takes little by little arrives whole, and never ahead of what it takes",
    { faults: ["credit"], options: { creditBytes } },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const bytes = 20 * creditBytes;
      const body = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < bytes; at += 20_000) yield pattern(Math.min(20_000, bytes - at), at);
      };
      const answer = transport.request({ url: `${origin.url}/up`, method: "POST", body });
      const exchange = await origin.next("/up");
      for (let given = creditBytes; given < bytes; given += creditBytes) {
        await until("what is taken has come", () => exchange.receivedBytes >= given);
        assert.equal(exchange.receivedBytes, given);
        await exchange.giveCredit(creditBytes);
      }
      // The end mark needs no room, but a peer may wait for some (RFC 9113, 6.9).
      await exchange.giveCredit(1);
      assert.ok(Buffer.from(await exchange.body()).equals(pattern(bytes)));
      await exchange.respond();
      assert.equal(await (await answer).body.text(), "ok");
    },
  ),
  hostileRule(
    "flow-control/upload-timeout",
    "a body that finds no room for timeouts.bodyGapMs ends as BODY_TIMEOUT, and does not cost the connection",
    { faults: ["credit"], options: { creditBytes } },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport({ timeouts: { bodyGapMs: 150 } });
      const answer = transport.request({ url: `${origin.url}/up`, method: "POST", body: pattern(mebibyte) });
      const failed = expectFailure(answer, {
        code: "BODY_TIMEOUT",
        phase: "send",
        delivery: "maybe-sent",
        names: "timeouts.bodyGapMs",
      });
      const exchange = await origin.next("/up");
      await failed;
      await exchange.abandoned;
      await expectNextWorks(transport, origin);
      assert.equal(origin.connections.length, 1);
    },
  ),
  hostileRule(
    "flow-control/upload-abort",
    "an abort of a body that stands still tells the origin, and does not cost the connection",
    { faults: ["credit"], options: { creditBytes } },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const gone = new AbortController();
      const answer = transport.request({
        url: `${origin.url}/up`,
        method: "POST",
        body: pattern(mebibyte),
        signal: gone.signal,
      });
      const exchange = await origin.next("/up");
      await steady(() => exchange.receivedBytes);
      gone.abort();
      await expectFailure(answer, { code: "ABORTED", phase: "send", delivery: "maybe-sent" });
      await exchange.abandoned;
      await expectNextWorks(transport, origin);
      assert.equal(origin.connections.length, 1);
    },
  ),
  hostileRule(
    "flow-control/stalled-reader",
    "a reader that stalls gives the origin room for so much and no more, while others move; then it gets the rest",
    { faults: ["credit"], requires: ["multiplexed"] },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = transport.request({ url: `${origin.url}/stalled` });
      const exchange = await origin.next("/stalled");
      await exchange.head();
      const stalled = await answer;
      let sent = 0;
      const fill = async (): Promise<number> => {
        const before = sent;
        for (let taken = -1; taken !== 0 && sent < 64 * mebibyte;)
          sent += taken = await exchange.send(pattern(pieceBytes));
        return sent - before;
      };
      while ((await fill()) > 0) await steady(() => 0);
      assert.ok(sent < 64 * mebibyte, "there was always room, though nobody read");
      const other = transport.request({ url: `${origin.url}/other` });
      const moving = await origin.next("/other");
      await moving.head({ length: 300_000 });
      const read = other.then(({ body }) => body.bytes());
      for (let moved = 0; moved < 300_000; await turn()) moved += await moving.send(pattern(300_000 - moved, moved));
      await moving.finish();
      assert.equal((await read).byteLength, 300_000);
      await exchange.finish();
      assert.equal((await stalled.body.bytes({ maxBytes: Infinity })).byteLength, sent);
      assert.equal(origin.connections.length, 1);
    },
  ),
];
