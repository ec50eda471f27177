/** A request whose trailers are not there yet when something happens to it. */
import type { Fields } from "@holdfast/transport";
import { expect, it, onTestFinished, vi } from "vitest";
import { muxCode } from "../src/index.ts";
import { asking, outcome } from "./ends.ts";
import { until } from "./mux-peer.ts";
import * as wire from "./wire.ts";

const { end, type } = wire;

it.each(["come", "fail"])(
  "is answered in full before its trailers %s: its stream and its place are given back, once",
  async (late) => {
    const { transport, peer } = asking({ maxStreams: 1, maxConnections: 1 });
    const { promise: trailers, resolve, reject } = Promise.withResolvers<Fields>();
    const asked = outcome(transport, { method: "POST", body: "x", trailers: () => trailers });
    await until("it is asked", () => transport.stats().exchanges.inFlight === 1 && peer().of(type.data).length === 1);
    peer().send(wire.answer(1, 0), wire.data(1, "early", end));
    await asked.done;
    expect(asked).toMatchObject({ status: 200, text: "early" });
    expect((await peer().next(type.reset, 1)).payload.readUInt32BE()).toBe(muxCode.cancelled);
    const next = outcome(transport);
    await until("the next is asked", () => peer().of(type.headers, 3).length === 1);
    const third = outcome(transport);
    if (late === "come") resolve({ a: "1" });
    else reject(new Error("late"));
    await peer().quiet();
    // There is place for one, not for two.
    expect(peer().of(type.headers, 5)).toEqual([]);
    peer().send(wire.answer(3));
    await next.done;
    await until("the third is asked", () => peer().of(type.headers, 5).length === 1);
    peer().send(wire.answer(5));
    await third.done;
    expect([next.status, third.status, peer().of(type.headers, 1).length]).toEqual([200, 200, 1]);
    await transport.close();
  },
);

it("is refused before its trailers fail: its next attempt lives on", async () => {
  const { transport, peer } = asking();
  const late = Promise.withResolvers<Fields>();
  let attempts = 0;
  const asked = outcome(transport, {
    method: "POST",
    body: "x",
    trailers: () => (++attempts === 1 ? late.promise : { attempt: "2" }),
  });
  await until("it is asked", () => attempts === 1);
  peer().send(wire.reset(1, muxCode.refused));
  await until("it is asked again", () => peer().of(type.headers, 3).length > 0);
  late.reject(new Error("of the first attempt"));
  await peer().quiet();
  expect(asked.error).toBeUndefined();
  peer().send(wire.answer(3));
  await asked.done;
  expect(asked.status).toBe(200);
  await transport.close();
});

it("has its time for an answer when they have left, not before", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const { transport, peer } = asking({ timeouts: { headMs: 1_000 }, ping: { intervalMs: Infinity } });
  const { promise: trailers, resolve } = Promise.withResolvers<Fields>();
  const asked = outcome(transport, { method: "POST", body: "x", trailers: () => trailers });
  await until(
    "its body is there",
    () => transport.stats().exchanges.inFlight === 1 && peer().of(type.data).length === 1,
  );
  await vi.advanceTimersByTimeAsync(5_000);
  await peer().quiet();
  expect(asked.error).toBeUndefined();
  resolve({ a: "1" });
  await until("they are there", () => peer().of(type.headers, 1).length === 2);
  await vi.advanceTimersByTimeAsync(1_010);
  await asked.done;
  expect(asked.error).toMatchObject({ code: "HEAD_TIMEOUT" });
  await transport.destroy();
});
