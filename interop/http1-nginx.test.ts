import { setTimeout as pause } from "node:timers/promises";
import { http1, type Http1Options } from "@holdfast/http1";
import { isTransportError } from "@holdfast/transport";
import { describe, expect, it, onTestFinished } from "vitest";
import { type LogLine, type NginxOptions, startNginx } from "./nginx.ts";

const requests = 10_000;
const concurrency = 64;

interface Outcome {
  readonly succeeded: number;
  /** By code, so that a failing run says why. */
  readonly failures: Readonly<Record<string, number>>;
  readonly log: readonly LogLine[];
  /** Sent again by the transport, because the connection ended under them. */
  readonly replayed: number;
}

/** 10,000 GETs, each with an id of its own, by 64 workers; `before` runs ahead of each. */
async function load(
  server: NginxOptions,
  options: Http1Options,
  before?: (index: number) => Promise<void>,
): Promise<Outcome> {
  const nginx = await startNginx(server);
  onTestFinished(() => nginx.stop());
  await using transport = http1(options);
  const failures: Record<string, number> = {};
  let succeeded = 0;
  let next = 0;

  const worker = async (): Promise<void> => {
    while (next < requests) {
      const index = next++;
      await before?.(index);
      try {
        const { status, body } = await transport.request({
          url: `${nginx.url}/${index}`,
          headers: { "x-request-id": `${index}` },
        });
        const text = await body.text();
        if (status === 200 && text === `GET /${index}\n`) succeeded++;
        else failures[`status ${status}`] = (failures[`status ${status}`] ?? 0) + 1;
      } catch (error) {
        const cause = isTransportError(error) ? `${error.code} in ${error.phase}` : String(error);
        failures[cause] = (failures[cause] ?? 0) + 1;
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  await transport.close();
  await nginx.stop();
  const { exchangesReplayed: replayed } = transport.stats().totals;
  return { succeeded, failures, log: await nginx.accessLog(), replayed };
}

function connections(log: readonly LogLine[]): number {
  return new Set(log.map(({ connection }) => connection)).size;
}

function expectEachOnce(what: string, { succeeded, failures, log, replayed }: Outcome): void {
  const used = connections(log);
  console.log(`${what}: ${succeeded} of ${requests} succeeded over ${used} connections, ${replayed} sent again`);
  expect(failures).toEqual({});
  expect(succeeded).toBe(requests);
  expect(log).toHaveLength(requests);
  expect(new Set(log.map(({ id }) => id)).size).toBe(requests);
}

/** The same sequence in every run, between 0 and 1. */
function noise(index: number): number {
  const value = Math.sin(index + 1) * 10_000;
  return value - Math.floor(value);
}

describe("10,000 GETs by 64 workers to nginx", () => {
  it("use at most maxConnections connections", async () => {
    const outcome = await load({ directives: "keepalive_requests 100000;" }, { maxConnections: 16 });
    expectEachOnce("maxConnections 16", outcome);
    expect(connections(outcome.log)).toBeLessThanOrEqual(16);
  });

  it("all succeed once where nginx closes after 100 requests", async () => {
    const outcome = await load({ directives: "keepalive_requests 100;" }, { maxConnections: 16 });
    expectEachOnce("keepalive_requests 100", outcome);
    expect(connections(outcome.log)).toBeGreaterThanOrEqual(requests / 100);
  });

  // nginx does not announce its limit, so connections die just as they are taken. All workers pause together, so that all
  // connections fall silent; every second pause ends about when nginx closes them.
  it("all succeed once where nginx closes after 1 s of silence, with pauses up to 1.2 s", async () => {
    const pauses: Promise<void>[] = [];
    const outcome = await load({ directives: "keepalive_timeout 1s;" }, { maxConnections: concurrency }, (index) => {
      const round = Math.floor(index / (4 * concurrency));
      return (pauses[round] ??= pause(round % 2 === 0 ? noise(round) * 1_200 : 980 + noise(round) * 40));
    });
    expectEachOnce("keepalive_timeout 1s", outcome);
    expect(connections(outcome.log)).toBeGreaterThan(5 * concurrency);
  });
});
