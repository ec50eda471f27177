import {
  ledgerHttp1,
  ledgerReport,
  type LedgerRule,
  type LedgerTransportOptions,
  runLedger,
} from "@holdfast/conformance/ledger";
import { http1 } from "../src/index.ts";
import { type Transport, TransportError, type TransportResponse, wrap } from "@holdfast/transport";
import { describe, expect, it } from "vitest";

// A connection that has gone silent is given up soon, or the run would be spent waiting for it.
const timeouts = { headMs: 400, bodyGapMs: 400 };
const createTransport = (options: LedgerTransportOptions): Transport => http1({ ...options, timeouts });

/** The short run. `pnpm run ledger` is the long one, which looks at the heap and the clock too. */
const short = { exchanges: 2_000, faults: 200, lateMs: 10_000, heapBytes: Infinity };

/** The shorter one, for the other ways to serve. */
const shorter = { ...short, exchanges: 300, faults: 30 };

describe("the ledger of http1", () => {
  it("agrees on 2,000 exchanges under 200 faults", { timeout: 120_000 }, async () => {
    const result = await runLedger({ ...short, origin: ledgerHttp1, createTransport });
    expect(result.disagreements, ledgerReport("http1", result)).toEqual([]);
    expect(Object.values(result.faults).reduce((sum, count) => sum + count)).toBe(200);
    expect(result.outcomes["ok"]).toBeGreaterThan(1_000);
  });

  it("agrees on 300 exchanges under 30 faults over TLS", { timeout: 120_000 }, async () => {
    const result = await runLedger({ ...shorter, tls: true, origin: ledgerHttp1, createTransport });
    expect(result.disagreements, ledgerReport("http1", result)).toEqual([]);
    expect(result.outcomes["ok"]).toBeGreaterThan(100);
  });

  it("agrees on 300 exchanges under 30 faults of which some kill the server", { timeout: 120_000 }, async () => {
    const origin = { module: "@holdfast/conformance/ledger", name: "ledgerHttp1" };
    const result = await runLedger({ ...shorter, origin, createTransport });
    expect(result.disagreements, ledgerReport("http1", result)).toEqual([]);
    expect(result.faults["kill"]).toBeGreaterThan(0);
    expect(result.outcomes["ok"]).toBeGreaterThan(50);
  });
});

function altered(response: TransportResponse, members: Partial<TransportResponse>): TransportResponse {
  return Object.create(response, Object.getOwnPropertyDescriptors(members)) as TransportResponse;
}

type Breaks = (next: Transport) => Partial<Transport>;

/** Broken on purpose, each with the rule that must be found broken, and the faults that it takes. */
const defects: Readonly<Record<string, readonly [rule: LedgerRule, breaks: Breaks, faults?: number]>> = {
  "says not-sent of what may have been sent": [
    "not-sent",
    (next) => ({
      request: (request) =>
        next.request(request).catch((error: TransportError) => {
          const { code, phase, protocol, origin } = error;
          throw new TransportError(code, "broken", { delivery: "not-sent", phase, protocol, origin });
        }),
    }),
  ],
  "sends again whatever fails": [
    "twice",
    (next) => ({ request: (request) => next.request(request).catch(() => next.request(request)) }),
  ],
  "takes a cut body for a whole one": [
    "answer",
    (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        const lenient = async function* (): AsyncGenerator<Uint8Array> {
          try {
            yield* response.body;
          } catch {}
        };
        return altered(response, { body: lenient() as never });
      },
    }),
  ],
  "gives answers to others": [
    "answer",
    (next) => {
      let count = 0;
      return {
        request: (request) => {
          const url = ++count % 50 === 0 ? String(request.url).replace(/\/\d+\?/, "/0?") : request.url;
          return next.request({ ...request, url });
        },
      };
    },
  ],
  "loses a waiter": [
    "late",
    (next) => {
      let count = 0;
      return { request: (request) => (++count === 100 ? new Promise(() => {}) : next.request(request)) };
    },
  ],
  // The last fault could end them all.
  "leaves its connections": ["left", () => ({ close: () => Promise.resolve() }), 0],
};

describe("the ledger finds a transport that", () => {
  for (const [name, [rule, breaks, faults = 150]] of Object.entries(defects)) {
    it(`${name}`, { timeout: 120_000 }, async () => {
      const transport = http1({ timeouts });
      const result = await runLedger({
        ...short,
        exchanges: 600,
        faults,
        lateMs: 1_000,
        origin: ledgerHttp1,
        createTransport: () => wrap(transport, breaks(transport)),
      });
      await transport.destroy();
      expect(result.disagreements.map((one) => one.rule)).toContain(rule);
    });
  }
});
