import { setImmediate as turn } from "node:timers/promises";
import { expect, it } from "vitest";
import { soon } from "../src/hand-over.ts";

function noting(log: string[], name: string): { handOver(): void } {
  return { handOver: () => void log.push(name) };
}

it("the only exchange of a connection is handed over at the end of the step", async () => {
  const log: string[] = [];
  soon(noting(log, "first"), false);
  soon(noting(log, "second"), false);
  expect(log).toEqual([]);
  await Promise.resolve();
  expect(log).toEqual(["first", "second"]);
});

it("exchanges that share a connection are handed over at the end of the turn, when all of a read has been told", async () => {
  const log: string[] = [];
  soon(noting(log, "head"), true);
  await Promise.resolve();
  process.nextTick(() => soon(noting(log, "head of the next frame"), true));
  await new Promise<void>((resolve) => process.nextTick(resolve));
  expect(log).toEqual([]);
  await turn();
  expect(log).toEqual(["head", "head of the next frame"]);
});
