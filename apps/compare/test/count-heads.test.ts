import type { Transport } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { countHeads } from "../src/count-heads.ts";
import { type HeadCount, noHeads } from "../src/head-count.ts";
import { loopOf, type Workload } from "../src/workload.ts";

const workload: Workload = {
  method: "GET",
  headers: {},
  body: undefined,
  requests: 20,
  concurrency: 3,
  timeoutMs: 1_000,
};
const loop = loopOf({}, workload, 20);
const never = new AbortController().signal;

/** Answers all but the exchange with this number, and counts what it was asked. */
function transportThatFails(failing: number): { readonly transport: Transport; readonly asked: string[] } {
  const asked: string[] = [];
  const request = async ({ url }: { readonly url: URL | string }): Promise<unknown> => {
    asked.push(String(url));
    if (asked.length === failing) throw new Error("failed");
    return { body: { bytes: async () => new Uint8Array() } };
  };
  return { transport: { request } as unknown as Transport, asked };
}

/** An origin that has counted these, the ones from before first. */
function originOf(...counts: readonly HeadCount[]): { readonly url: string; take(): Promise<HeadCount> } {
  const left = [...counts];
  return { url: "http://counted.example/", take: async () => left.shift() ?? noHeads };
}

const before: HeadCount = { ...noHeads, exchanges: 7, sentBytes: 70 };
const ofTwenty: HeadCount = { ...noHeads, exchanges: 20, sentBytes: 400 };

describe("the count of heads", () => {
  it("is of every exchange, without what was counted before", async () => {
    const { transport, asked } = transportThatFails(0);
    expect(await countHeads(transport, originOf(before, ofTwenty), { workload, loop, signal: never })).toBe(ofTwenty);
    expect(asked).toEqual(Array.from({ length: 20 }, () => "http://counted.example/"));
  });

  it("is none if an exchange failed, and no more are started", async () => {
    const { transport, asked } = transportThatFails(4);
    expect(await countHeads(transport, originOf(noHeads, ofTwenty), { workload, loop, signal: never })).toBeUndefined();
    expect(asked.length).toBeLessThan(20);
  });

  it("is none if the origin did not see every exchange", async () => {
    const { transport } = transportThatFails(0);
    const fewer = { ...ofTwenty, exchanges: 19 };
    expect(await countHeads(transport, originOf(noHeads, fewer), { workload, loop, signal: never })).toBeUndefined();
  });

  it("is none if the run was interrupted", async () => {
    const { transport, asked } = transportThatFails(0);
    expect(
      await countHeads(transport, originOf(noHeads, ofTwenty), { workload, loop, signal: AbortSignal.abort() }),
    ).toBeUndefined();
    expect(asked).toEqual([]);
  });
});
