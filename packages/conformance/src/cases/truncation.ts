import assert from "node:assert/strict";
import type { TransportResponse } from "@holdfast/transport";
import { type Case, hostileRule } from "../case.ts";
import { expectFailure } from "../expect-failure.ts";
import type { Fault } from "../hostile/fault.ts";
import type { HostileExchange } from "../hostile/hostile.ts";
import { pattern } from "../pattern.ts";
import { steady } from "../turn.ts";
import { arrivalsOf, expectNextWorks } from "./next-works.ts";

interface Part {
  readonly faults: readonly Fault[];
  readonly words: string;
}

interface Stage extends Part {
  /** Sends what comes before the cut, and resolves with how many bytes of a body that was. */
  readonly send: (exchange: HostileExchange, bytes: number) => Promise<number>;
}

interface Cut extends Part {
  readonly cut: (exchange: HostileExchange) => Promise<void> | void;
}

const stages: Readonly<Record<string, Stage>> = {
  "head-length": {
    faults: [],
    words: "after a head that tells a length",
    send: async (exchange, bytes) => {
      await exchange.head({ length: bytes });
      return 0;
    },
  },
  "head-open": {
    faults: ["open-body"],
    words: "after a head that tells no length",
    send: async (exchange) => {
      await exchange.head();
      return 0;
    },
  },
  "body-length": {
    faults: [],
    words: "within a body of a told length",
    send: async (exchange, bytes) => {
      await exchange.head({ length: bytes + 1 });
      return exchange.send(pattern(bytes));
    },
  },
  "body-open": {
    faults: ["open-body"],
    words: "within a body of open length",
    send: async (exchange, bytes) => {
      await exchange.head();
      return exchange.send(pattern(bytes));
    },
  },
  "end-mark-open": {
    faults: ["open-body"],
    words: "where only the end mark of a body of open length is missing",
    send: async (exchange, bytes) => {
      await exchange.head();
      const half = Math.floor(bytes / 2);
      return (await exchange.send(pattern(half))) + (await exchange.send(pattern(half, half)));
    },
  },
  "end-mark-length": {
    faults: ["end-mark"],
    words: "where all bytes of the told length are there and the end mark is missing",
    send: async (exchange, bytes) => {
      await exchange.head({ length: bytes });
      return exchange.send(pattern(bytes));
    },
  },
};

const cuts: Readonly<Record<string, Cut>> = {
  fin: { faults: ["cut"], words: "by the connection's end", cut: ({ connection }) => connection.fin() },
  rst: { faults: ["cut"], words: "by a reset of the connection", cut: ({ connection }) => connection.rst() },
  goodbye: {
    faults: ["cut", "goodbye"],
    words: "by a goodbye and the connection's end",
    cut: async ({ connection }) => {
      await connection.goodbye();
      connection.fin();
    },
  },
  "failed-goodbye": {
    faults: ["cut", "goodbye"],
    words: "by a goodbye that tells of an error, and the connection's end",
    cut: async ({ connection }) => {
      await connection.goodbye({ failed: true });
      connection.fin();
    },
  },
  "reset-none": {
    faults: ["reset"],
    words: "by a reset of the exchange that names no error",
    cut: (exchange) => exchange.reset("none"),
  },
  "reset-cancelled": {
    faults: ["reset"],
    words: "by a reset of the exchange as not wanted any more",
    cut: (exchange) => exchange.reset("cancelled"),
  },
  "reset-internal": {
    faults: ["reset"],
    words: "by a reset of the exchange for an error of the origin",
    cut: (exchange) => exchange.reset("internal"),
  },
};

interface Reader {
  readonly words: string;
  /** Many enough to make a reader that is behind stop its peer. */
  readonly bytes: number;
  readonly slow: boolean;
}

const readers: Readonly<Record<string, Reader>> = {
  eager: { words: "a reader that waits for it", bytes: 1_000, slow: false },
  slow: { words: "a reader that is behind", bytes: 300_000, slow: true },
};

async function readAll({ body }: TransportResponse): Promise<number> {
  let bytes = 0;
  for await (const chunk of body) {
    assert.ok(
      Buffer.from(chunk).equals(pattern(chunk.byteLength, bytes)),
      "the bytes before the cut are not those sent",
    );
    bytes += chunk.byteLength;
  }
  return bytes;
}

function truncationCase(stage: [string, Stage], cut: [string, Cut], reader: [string, Reader]): Case {
  const [{ faults: some, words: where, send }, { faults: more, words: how, cut: end }] = [stage[1], cut[1]];
  const { words: whose, bytes, slow } = reader[1];
  return hostileRule(
    `truncation/${stage[0]}-${cut[0]}-${reader[0]}`,
    `a response cut ${where} ${how} is TRUNCATED for ${whose}`,
    { faults: needed(some, more) },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = transport.request({ url: `${origin.url}/cut`, method: "POST", body: "hello" });
      const exchange = await origin.next("/cut");
      await exchange.body();
      await send(exchange, bytes);
      const response = await answer;
      if (slow) {
        await end(exchange);
        await steady(() => 0);
      }
      const read = readAll(response);
      read.catch(() => {});
      if (!slow) await end(exchange);
      const error = await expectFailure(read, { code: "TRUNCATED", phase: "body", delivery: "answered" });
      assert.equal(error.replaySafe, false);
      await expectFailure(response.trailers, { code: "TRUNCATED" });
      await expectNextWorks(transport, origin);
      assert.equal(arrivalsOf(origin, "/cut"), 1, "the request was executed twice");
    },
  );
}

function needed(...lists: readonly (readonly Fault[])[]): readonly [Fault, ...Fault[]] {
  const [first, ...rest] = new Set(lists.flat());
  if (first === undefined) throw new TypeError("a case of a hostile origin needs a fault");
  return [first, ...rest];
}

const lostBeforeHead = ["CONNECTION_LOST", "STREAM_RESET", "LIMIT_EXCEEDED"] as const;

function headlessCase([id, { faults, words, cut }]: [string, Cut], half: boolean): Case {
  return hostileRule(
    `truncation/${half ? "half-head" : "no-head"}-${id}`,
    `a POST that is cut ${half ? "within" : "before"} its response's head ${words} fails as maybe-sent, and is not sent again`,
    { faults: needed(faults, half ? ["half-head"] : []) },
    async ({ origin, createTransport }) => {
      await using transport = await createTransport();
      const answer = transport.request({ url: `${origin.url}/cut`, method: "POST", body: "hello" });
      const exchange = await origin.next("/cut");
      answer.catch(() => {});
      await exchange.body();
      if (half) await exchange.halfHead();
      await cut(exchange);
      origin.serve();
      const error = await expectFailure(answer, { code: lostBeforeHead, phase: "head", delivery: "maybe-sent" });
      assert.equal(error.replaySafe, false);
      await expectNextWorks(transport, origin);
      assert.equal(arrivalsOf(origin, "/cut"), 1, "the request was executed twice");
    },
  );
}

/** After each ending that is one. */
const wholeCases: readonly Case[] = Object.entries(cuts)
  // A connection's reset takes what was not read yet, and a goodbye after the end is one of an idle connection.
  .filter(([id]) => id === "fin" || id.startsWith("reset"))
  .flatMap(([id, { faults, words, cut }]) =>
    Object.entries(readers).map(([name, { bytes, words: whose, slow }]) =>
      hostileRule(
        `truncation/whole-${id}-${name}`,
        `a response that was ended is whole for ${whose}, though it is followed ${words}`,
        { faults: needed(["open-body"], faults) },
        async ({ origin, createTransport }) => {
          await using transport = await createTransport();
          const answer = transport.request({ url: `${origin.url}/whole`, method: "POST", body: "hello" });
          const exchange = await origin.next("/whole");
          await exchange.body();
          await exchange.head();
          const sent = await exchange.send(pattern(bytes));
          await exchange.finish();
          await cut(exchange);
          const response = await answer;
          if (slow) await steady(() => 0);
          const read = await response.body.bytes();
          assert.ok(Buffer.from(read).equals(pattern(sent)), `${read.byteLength} of ${sent} bytes arrived`);
          assert.deepEqual({ ...(await response.trailers) }, {});
        },
      ),
    ),
  );

/** A response ends where its protocol says that it does. Anything else is an error, however complete it looks. */
export const truncationCases: readonly Case[] = [
  ...Object.entries(stages).flatMap((stage) =>
    Object.entries(cuts).flatMap((cut) => Object.entries(readers).map((reader) => truncationCase(stage, cut, reader))),
  ),
  ...Object.entries(cuts).map((cut) => headlessCase(cut, false)),
  ...Object.entries(cuts)
    .filter(([id]) => id === "fin" || id === "rst")
    .map((cut) => headlessCase(cut, true)),
  ...wholeCases,
];
