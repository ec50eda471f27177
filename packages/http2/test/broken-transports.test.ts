import {
  allCases,
  type Case,
  type Fixture,
  type FixtureOptions,
  http2Origin,
  type Origin,
  runCases,
} from "@holdfast/conformance";
import { http2Hostile } from "@holdfast/conformance/hostile";
import {
  type Transport,
  TransportError,
  type TransportErrorCode,
  type TransportRequest,
  type TransportResponse,
  wrap,
} from "@holdfast/transport";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { http2, type Http2Options } from "../src/index.ts";

interface Defect {
  /** The cases that must notice it: their ids, or how those begin. */
  readonly notices: readonly string[];
  /** What it does to the options of the adapter. */
  readonly options?: (options: Http2Options) => Http2Options;
  /** What it does to the transport. */
  readonly breaks?: (next: Transport) => Partial<Transport>;
}

/** A response with other members; spreading would lose what a prototype holds. */
function altered(response: TransportResponse, members: Partial<TransportResponse>): TransportResponse {
  return Object.create(response, Object.getOwnPropertyDescriptors(members)) as TransportResponse;
}

function without(request: TransportRequest, name: keyof TransportRequest): TransportRequest {
  return Object.fromEntries(Object.entries(request).filter(([key]) => key !== name)) as unknown as TransportRequest;
}

function failed(code: TransportErrorCode, delivery: "maybe-sent" | "refused" = "maybe-sent"): TransportError {
  return new TransportError(code, "broken on purpose", { delivery, phase: "head", protocol: "h2", origin: "" });
}

async function toArray(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const array: Uint8Array[] = [];
  for await (const chunk of chunks) array.push(chunk);
  return array;
}

/** All but the first chunk. */
async function* rest(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let first = true;
  for await (const chunk of body) {
    if (!first) yield chunk;
    first = false;
  }
}

/** What comes before it breaks off. */
async function* untilItThrows(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch {}
}

const defects: Readonly<Record<string, Defect>> = {
  "takes a cut body for a whole one": {
    notices: ["truncation/head-", "truncation/body-", "truncation/end-mark-"],
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        const lenient = async function* (): AsyncGenerator<Uint8Array> {
          try {
            yield* response.body;
          } catch {}
        };
        const text = async (): Promise<string> => Buffer.concat(await toArray(lenient())).toString();
        return altered(response, { body: Object.assign(lenient(), { text }) as never });
      },
    }),
  },
  "takes a whole body for a cut one": {
    notices: ["truncation/whole-", "push/later", "push/whole", "push/not-asked"],
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        const fails = async (): Promise<never> => {
          await response.body.bytes();
          throw failed("TRUNCATED");
        };
        return altered(response, { body: { text: fails, bytes: fails } as never });
      },
    }),
  },
  "sends again whatever fails": {
    notices: [
      "truncation/no-head-",
      "truncation/half-head-",
      "resets/calm",
      "resets/others",
      "violations/in-flight",
      "violations/each",
    ],
    breaks: (next) => ({ request: (request) => next.request(request).catch(() => next.request(request)) }),
  },
  "sends again what was refused for ever": {
    notices: ["resets/refused-always"],
    breaks: (next) => {
      const request = (asked: TransportRequest, times = 0): Promise<TransportResponse> =>
        next.request(asked).catch((error: unknown) => (times < 9 ? request(asked, times + 1) : Promise.reject(error)));
      return { request: (asked) => request(asked) };
    },
  },
  "lets its caller see what was refused": {
    notices: [
      "resets/refused-GET",
      "resets/refused-POST",
      "resets/refused-function-body",
      "resets/refused-late-source",
      "resets/refused-late-trailers",
      "goodbyes/covers-",
      "goodbyes/twice",
    ],
    breaks: (next) => ({
      request: async (request) => {
        const before = next.stats().totals.exchangesReplayed;
        const response = await next.request(request);
        if (next.stats().totals.exchangesReplayed === before) return response;
        await response.body.cancel();
        throw failed("STREAM_RESET");
      },
    }),
  },
  "does not know what was refused": {
    notices: ["resets/refused-one-shot-body", "goodbyes/one-shot-body", "goodbyes/covers-some-failed"],
    breaks: (next) => ({ request: (request) => next.request(request).catch(() => Promise.reject(failed("REFUSED"))) }),
  },
  "gives a connection up after any failure": {
    notices: ["resets/others"],
    breaks: (next) => {
      const second = http2();
      let failures = 0;
      return {
        request: (request) =>
          (failures === 0 ? next : second).request(request).catch((error: unknown) => {
            failures++;
            throw error;
          }),
        close: async () => {
          await Promise.all([next.close(), second.close()]);
        },
        [Symbol.asyncDispose]: async () => {
          await Promise.all([next.close(), second.close()]);
        },
      };
    },
  },
  "waits for the end of the request": {
    notices: ["resets/enough"],
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        if (typeof request.body === "function") await new Promise(() => {});
        return response;
      },
    }),
  },
  "knows one connection only": {
    notices: [
      "goodbyes/last",
      "goodbyes/in-flight",
      "goodbyes/idle",
      "goodbyes/many",
      "multiplexing/grows",
      "violations/idle",
    ],
    breaks: (next) => {
      let only: string | undefined;
      return {
        request: async (request) => {
          const response = await next.request(request);
          only ??= response.connection.id;
          if (response.connection.id === only) return response;
          await response.body.cancel();
          throw failed("CONNECTION_LOST");
        },
      };
    },
  },
  "makes a connection for each exchange": {
    notices: ["multiplexing/shares", "multiplexing/raised"],
    options: (options) => ({ ...options, maxStreams: 1, maxConnections: 20 }),
  },
  "makes connections instead of waiting": {
    notices: ["multiplexing/limit", "multiplexing/lowered", "multiplexing/none-then-some"],
    options: (options) => ({ ...options, maxConnections: 4 }),
    breaks: (next) => {
      const second = http2();
      let requests = 0;
      return {
        request: (request) => (++requests % 2 === 1 ? next : second).request(request),
        [Symbol.asyncDispose]: async () => {
          await Promise.all([next.close(), second.close()]);
        },
      };
    },
  },
  "carries one exchange at a time": {
    notices: ["flow-control/upload-stops", "flow-control/stalled-reader", "multiplexing/others-move"],
    breaks: (next) => {
      let last: Promise<unknown> = Promise.resolve();
      return {
        request: (request) => {
          const answer = last.then(() => next.request(request));
          last = answer.then(({ trailers }) => trailers).catch(() => {});
          return answer;
        },
      };
    },
  },
  "ignores the deadline": {
    notices: ["multiplexing/none"],
    breaks: (next) => ({ request: (request) => next.request(without(request, "deadlineMs")) }),
  },
  "loses a piece of a body": {
    notices: ["flow-control/upload-by-bits"],
    breaks: (next) => ({
      request: ({ body, ...request }) =>
        next.request({ ...request, body: typeof body === "function" ? () => rest(body()) : (body ?? null) }),
    }),
  },
  "has a place less after each failure or replay": {
    notices: ["places/refused", "places/reset"],
    breaks: (next) => {
      let lost = 0;
      return {
        request: async (request) => {
          if (lost > 1) await new Promise(() => {});
          try {
            return await next.request(request);
          } catch (error) {
            lost++;
            throw error;
          } finally {
            lost += next.stats().totals.exchangesReplayed > 1 ? 2 : 0;
          }
        },
      };
    },
  },
  "takes a body that breaks off for a whole one": {
    notices: ["uploads/thrown", "uploads/length-shorter"],
    breaks: (next) => ({
      request: ({ body, headers = {}, ...request }) => {
        const { "content-length": _, ...others } = headers;
        const quiet = typeof body === "function" ? () => untilItThrows(body()) : (body ?? null);
        return next.request({ ...request, headers: others, body: quiet });
      },
    }),
  },
  "takes any number of fields": {
    notices: ["limits/fields", "limits/trailer-fields"],
    options: (options) => ({ ...options, limits: { maxFields: 1_000 } }),
  },
  "has no limit on a body that stands still": {
    notices: ["flow-control/upload-timeout"],
    options: (options) => ({ ...options, timeouts: {} }),
  },
  "drops the signal": {
    notices: ["flow-control/upload-abort", "push/abort"],
    breaks: (next) => ({ request: (request) => next.request(without(request, "signal")) }),
  },
  "reads ahead without a bound": {
    notices: ["flow-control/stalled-reader"],
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        const bytes = response.body.bytes({ maxBytes: Infinity });
        bytes.catch(() => {});
        return altered(response, { body: { bytes: () => bytes } as never });
      },
    }),
  },
  "loses the trailers": {
    notices: ["trailers/then-fin", "trailers/then-reset"],
    breaks: (next) => ({
      request: async (request) => altered(await next.request(request), { trailers: Promise.resolve({}) }),
    }),
  },
  "tells nobody of a push": {
    notices: ["push/whole", "push/later"],
    breaks: (next) => ({ request: (request) => next.request(without(request, "onPush")) }),
  },
  "takes pushes that nobody asked for": {
    notices: ["push/not-asked"],
    breaks: (next) => ({ request: (request) => next.request({ onPush: () => {}, ...request }) }),
  },
  "lets a push go on that its reader has given up": {
    notices: ["push/cancelled"],
    breaks: (next) => ({
      request: ({ onPush, ...request }) =>
        next.request({
          ...request,
          ...(onPush !== undefined && {
            onPush: (push) => onPush({ ...push, body: { cancel: () => Promise.resolve() } as never }),
          }),
        }),
    }),
  },
  "gives an exchange the answer that nobody asked for": {
    notices: ["violations/answered-twice"],
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        if (!String(request.url).endsWith("/second")) return response;
        await response.body.cancel();
        return { ...response, body: { text: () => Promise.resolve("second") } as never };
      },
    }),
  },
  "takes a cut push for a whole one": {
    notices: ["push/cut"],
    breaks: (next) => ({
      request: ({ onPush, ...request }) =>
        next.request({
          ...request,
          ...(onPush !== undefined && {
            onPush: (push) => onPush({ ...push, body: { text: () => push.body.text().catch(() => "") } as never }),
          }),
        }),
    }),
  },
};

let origin: Origin;

beforeAll(async () => {
  origin = await http2Origin();
});
afterAll(() => origin.close());

function fixtureOf({ options = (same) => same, breaks = () => ({}) }: Defect): Fixture {
  return {
    origin,
    hostile: http2Hostile(),
    traits: { sockets: true },
    createTransport: ({ timeouts = {}, maxConnections = 4 }: FixtureOptions = {}) => {
      const sound = http2(options({ timeouts, maxConnections }));
      return wrap(sound, breaks(sound));
    },
  };
}

const watched = allCases.filter(({ faults, id }) => faults.length > 0 || id.startsWith("multiplexing/"));
const noticedBy = ({ notices }: Defect): Case[] =>
  allCases.filter(({ id }) => notices.some((begin) => id === begin || (begin.endsWith("-") && id.startsWith(begin))));

describe("the suite notices a transport that", () => {
  it.each(Object.entries(defects))("%s", { timeout: 60_000 }, async (_, defect) => {
    const results = await runCases(noticedBy(defect), fixtureOf(defect), { maxCaseMs: 250 });
    expect(results.length).toBeGreaterThan(0);
    expect(results.filter(({ status }) => status !== "failed").map(({ id }) => id)).toEqual([]);
  });
});

describe("every case of multiplexing and of a hostile origin", () => {
  it("is failed by a transport that is broken on purpose", () => {
    const noticed = new Set(Object.values(defects).flatMap(noticedBy));
    expect(watched.filter((one) => !noticed.has(one)).map(({ id }) => id)).toEqual([]);
  });
});
