import { type ConnectionInfo, TransportError, type TransportResponse } from "@holdfast/transport";
import { describe, expect, it } from "vitest";
import { meter } from "../src/measure.ts";

function over(id: string, exchangeIndex: number, resumed?: boolean): TransportResponse {
  const tls = { version: "TLSv1.3", cipher: "", alpn: "" };
  const connection: ConnectionInfo = {
    id,
    protocol: "http/1.1",
    origin: "https://a.example",
    reused: exchangeIndex > 0,
    exchangeIndex,
    ...(resumed !== undefined && { tls: { ...tls, resumed } }),
  };
  return { connection, timings: { queued: 0, firstByte: 1, end: 2 } } as TransportResponse;
}

function lost(): TransportError {
  const facts = { delivery: "maybe-sent", phase: "head", protocol: "http/1.1", origin: "https://a.example" } as const;
  return new TransportError("CONNECTION_LOST", "lost", facts);
}

/** An exchange that had its stream from one moment to another. */
function stream(id: string, queued: number, end: number): TransportResponse {
  return { ...over(id, 1), timings: { queued, firstByte: end, end } };
}

describe("the meter", () => {
  it("counts each connection and its handshake once", () => {
    const { recordAnswer, measurement } = meter(false);
    for (const response of [
      over("a", 0, false),
      over("a", 1, false),
      over("b", 0, true),
      over("b", 1, true),
      over("b", 2, true),
    ]) {
      recordAnswer(response, 0, 1);
    }
    expect(measurement()).toMatchObject({
      answered: 5,
      connections: 2,
      handshakes: { full: 1, resumed: 1 },
      reusedShare: 0.6,
    });
  });

  it("counts no handshake where there is no TLS", () => {
    const { recordAnswer, measurement } = meter(false);
    recordAnswer(over("a", 0), 0, 1);
    expect(measurement()).toMatchObject({ connections: 1, handshakes: { full: 0, resumed: 0 }, reusedShare: 0 });
  });

  it("counts how many exchanges had a stream of one connection at a time, in each round anew", async () => {
    const { round, recordAnswer, measurement } = meter(true);
    await round(async () => {
      recordAnswer(stream("a", 0, 10), 100, 110);
      recordAnswer(stream("b", 0, 10), 100, 110);
      recordAnswer(stream("a", 5, 15), 100, 115);
      recordAnswer(stream("a", 0, 5), 110, 115);
      recordAnswer(stream("a", 2, 6), 102, 108);
    });
    expect(measurement().maxStreams).toBe(3);
    await round(async () => recordAnswer(stream("a", 0, 10), 100, 110));
    expect(measurement().maxStreams).toBe(3);
  });

  it("counts no streams where exchanges share no connection", () => {
    const { recordAnswer, measurement } = meter(false);
    recordAnswer(over("a", 0), 0, 1);
    expect(measurement().maxStreams).toBeUndefined();
  });

  it("tells percentiles in milliseconds, to a few thousandths", () => {
    const { recordAnswer, measurement } = meter(false);
    for (let i = 1; i <= 100; i += 1) recordAnswer(over("a", i), 0, i);
    const latency = measurement().latencyMs;
    expect(latency?.p50).toBeCloseTo(50, 0);
    expect(latency?.p90).toBeCloseTo(90, 0);
    expect(latency?.p99).toBeCloseTo(99, 0);
    expect(latency?.mean).toBeCloseTo(50.5, 0);
  });

  it("draws a curve from the fastest to the slowest, over the same percentiles", () => {
    const { recordAnswer, measurement } = meter(false);
    expect(measurement().latencyCurve).toEqual([]);
    for (let i = 1; i <= 100; i += 1) recordAnswer(over("a", i), 0, i);
    const { latencyCurve: curve, latencyMs } = measurement();
    expect([curve[0], curve.at(-1)]).toEqual([
      { percentile: 0, latencyMs: latencyMs?.min },
      { percentile: 100, latencyMs: latencyMs?.max },
    ]);
    expect(curve).toContainEqual({ percentile: 90, latencyMs: latencyMs?.p90 });
    const ascending = curve.every((point, index) => {
      const before = curve[index - 1] ?? point;
      return before.percentile <= point.percentile && before.latencyMs <= point.latencyMs;
    });
    expect(ascending).toBe(true);
  });

  it("keeps the phases of the first 32 exchanges", () => {
    const { recordAnswer, measurement } = meter(false);
    for (let i = 0; i < 50; i += 1) recordAnswer(over(`connection ${i}`, 0), i, i + 2);
    const { firstExchanges } = measurement();
    expect(firstExchanges).toHaveLength(32);
    expect(firstExchanges[31]).toEqual({
      connection: "connection 31",
      startedAt: 31,
      timings: { queued: 0, firstByte: 1, end: 2 },
    });
  });

  it("takes an exchange of no measurable length", () => {
    const { recordAnswer, measurement } = meter(false);
    recordAnswer(over("a", 0), 0, 0);
    expect(measurement().latencyMs?.max).toBe(0.001);
  });

  it("counts failures by code and keeps the first", () => {
    const { recordFailure, measurement } = meter(false);
    const first = lost();
    for (const error of [first, lost(), new Error("odd")]) recordFailure(error);
    const { firstFailure, ...figures } = measurement();
    expect(figures).toMatchObject({
      answered: 0,
      failed: 3,
      failures: { CONNECTION_LOST: 2, UNKNOWN: 1 },
      latencyMs: undefined,
    });
    expect(figures.cpuMicrosPerRequest).toBeUndefined();
    expect(firstFailure).toBe(first);
  });

  it("gives each round what happened in it", async () => {
    const { round, recordAnswer, recordFailure, measurement } = meter(false);
    await round(async () => recordAnswer(over("a", 0), 0, 1));
    await round(async () => {
      recordAnswer(over("a", 1), 0, 1);
      recordFailure(lost());
    });
    const { rounds, requestsPerSecond } = measurement();
    expect(rounds.map(({ answered, failed }) => ({ answered, failed }))).toEqual([
      { answered: 1, failed: 0 },
      { answered: 1, failed: 1 },
    ]);
    const elapsedMs = rounds.reduce((total, { elapsedMs: ms }) => total + ms, 0);
    expect(requestsPerSecond).toBeCloseTo(2_000 / elapsedMs);
  });
});
