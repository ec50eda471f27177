import { muxCode } from "@holdfast/exchange";
import { describe, expect, it } from "vitest";
import { Mux } from "../src/mux.ts";
import { initialSettings } from "../src/settings.ts";
import { StreamIds } from "../src/stream-ids.ts";
import { peerPair } from "./mux-peer.ts";
import * as wire from "./wire.ts";

describe("ids of this side", () => {
  it.each([
    { side: "the asking end", first: 1, last: 2 ** 32 - 1 },
    { side: "the answering end", first: 2, last: 2 ** 32 - 2 },
  ])("at $side go up by two until $last", ({ first, last }) => {
    const ids = new StreamIds(first);
    expect([ids.take(), ids.take()]).toEqual([first, first + 2]);
    expect(ids.isIdle(first + 2)).toBe(false);
    expect(ids.isIdle(first + 4)).toBe(true);
    const late = new StreamIds(last);
    expect(late.left).toBe(true);
    expect(late.take()).toBe(last);
    expect(late.left).toBe(false);
    expect(late.isOurs(last)).toBe(true);
    expect(late.isIdle(last)).toBe(false);
  });

  it("run out on a connection that has used them all", async () => {
    const { pipe, peer } = peerPair();
    const nothing = (): void => {};
    const mux = new Mux(pipe, 2 ** 32 - 3, initialSettings, {
      settled: nothing,
      opened: () => muxCode.refused,
      goingAway: nothing,
      left: nothing,
      wasted: nothing,
      broken: nothing,
      ended: nothing,
    });
    mux.start();
    peer.send(wire.settings());
    const listener = {
      block: nothing,
      data: nothing,
      ended: nothing,
      progress: nothing,
      sent: nothing,
      reset: nothing,
      lost: nothing,
    };
    const ids = [mux.open(listener), mux.open(listener)].map((stream) => stream?.id);
    expect(ids).toEqual([2 ** 32 - 3, 2 ** 32 - 1]);
    expect([mux.open(listener), mux.hasIds]).toEqual([undefined, false]);
    mux.giveUp(new Error("enough"));
    expect(mux.open(listener)).toBeUndefined();
  });
});

describe("ids of the peer", () => {
  it("go up, and are its own", () => {
    const ids = new StreamIds(2);
    expect([ids.open(7), ids.open(7), ids.open(5), ids.open(8), ids.open(2 ** 32 - 1)]).toEqual([
      true,
      false,
      false,
      false,
      true,
    ]);
  });

  it("that nobody opened, or that are closed, are told apart", () => {
    const ids = new StreamIds(2);
    ids.open(5);
    expect([ids.strayed(7)?.code, ids.strayed(5)?.code, ids.strayed(3)?.code]).toEqual([
      muxCode.protocol,
      muxCode.streamClosed,
      muxCode.streamClosed,
    ]);
    ids.wasReset(5);
    expect(ids.strayed(5)).toBeUndefined();
  });

  it("of streams that were reset are remembered, and forgiven when there are too many to remember", () => {
    const ids = new StreamIds(2);
    for (let id = 1; id <= 4_001; id += 4) {
      ids.open(id);
      ids.wasReset(id);
      ids.open(id + 2);
    }
    // The last thousand, one by one.
    expect(ids.strayed(3_999)?.code).toBe(muxCode.streamClosed);
    expect(ids.strayed(3_997)).toBeUndefined();
    expect(ids.strayed(1)).toBeUndefined();
    expect(ids.strayed(4_003)?.code).toBe(muxCode.streamClosed);
  });
});
