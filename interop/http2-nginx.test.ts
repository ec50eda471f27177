import { http2, type Http2Options } from "@holdfast/http2";
import { isTransportError } from "@holdfast/transport";
import { generate } from "selfsigned";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type LogLine, startNginx } from "./nginx.ts";

const requests = 5_000;
const concurrency = 64;
let certificate = { key: "", cert: "" };

beforeAll(async () => {
  const made = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  certificate = { key: made.private, cert: made.cert };
});

interface Outcome {
  readonly succeeded: number;
  /** By code, so that a failing run says why. */
  readonly failures: Readonly<Record<string, number>>;
  /** Most connections at a time that took new work. */
  readonly maxOpen: number;
  readonly log: readonly LogLine[];
}

/** 5,000 GETs, each with an id of its own, by 64 workers. */
async function load(directives: string, options: Http2Options): Promise<Outcome> {
  const nginx = await startNginx({ directives, certificate });
  onTestFinished(() => nginx.stop());
  await using transport = http2({ ...options, tls: { ca: certificate.cert } });
  const failures: Record<string, number> = {};
  let succeeded = 0;
  let maxOpen = 0;
  let next = 0;

  const worker = async (): Promise<void> => {
    while (next < requests) {
      const index = next++;
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
      const { connecting, active, idle } = transport.stats().connections;
      maxOpen = Math.max(maxOpen, connecting + active + idle);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  await transport.close();
  await nginx.stop();
  return { succeeded, failures, maxOpen, log: await nginx.accessLog() };
}

function expectEachOnce({ succeeded, failures, log }: Outcome): void {
  expect(failures).toEqual({});
  expect(succeeded).toBe(requests);
  expect(log).toHaveLength(requests);
  expect(new Set(log.map(({ id }) => id)).size).toBe(requests);
}

function connections(log: readonly LogLine[]): number {
  return new Set(log.map(({ connection }) => connection)).size;
}

describe("5,000 GETs by 64 workers to nginx over HTTP/2", () => {
  it("share one connection", async () => {
    const outcome = await load("keepalive_requests 100000;", {});
    expectEachOnce(outcome);
    expect([connections(outcome.log), outcome.maxOpen]).toEqual([1, 1]);
  });

  it("all succeed once where nginx says goodbye after 1,000 requests, as it does by default", async () => {
    const outcome = await load("", {});
    expectEachOnce(outcome);
    expect(connections(outcome.log)).toBeGreaterThanOrEqual(requests / 1_000);
    expect(outcome.maxOpen).toBeLessThanOrEqual(4);
  });

  it("all succeed once where nginx takes 8 streams at a time and says goodbye after 100 requests", async () => {
    const outcome = await load("keepalive_requests 100; http2_max_concurrent_streams 8;", { maxConnections: 4 });
    expectEachOnce(outcome);
    expect(connections(outcome.log)).toBeGreaterThanOrEqual(requests / 100);
    expect(outcome.maxOpen).toBeLessThanOrEqual(4);
  });
});
