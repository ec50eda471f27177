import { allCases, inProcessOrigin, runCases, type Fixture } from "@holdfast/conformance";
import { memory } from "@holdfast/memory";
import { wrap, type Transport, type TransportRequest, type TransportResponse } from "@holdfast/transport";
import { describe, expect, it } from "vitest";

/** A response with other members; spreading would lose what a prototype holds. */
function altered(response: TransportResponse, members: Partial<TransportResponse>): TransportResponse {
  return Object.create(response, Object.getOwnPropertyDescriptors(members)) as TransportResponse;
}

function without(request: TransportRequest, name: keyof TransportRequest): TransportRequest {
  return Object.fromEntries(Object.entries(request).filter(([key]) => key !== name)) as unknown as TransportRequest;
}

/** Defects of a transport, each with a case of the suite that must notice it. */
const defects: Readonly<Record<string, { notices: string; breaks: (next: Transport) => Partial<Transport> }>> = {
  "drops the signal": {
    notices: "abort/waiting",
    breaks: (next) => ({ request: (request) => next.request(without(request, "signal")) }),
  },
  "wraps the abort reason": {
    notices: "abort/queued",
    breaks: (next) => ({
      request: ({ signal, ...request }) => {
        const own = new AbortController();
        signal?.addEventListener("abort", () => own.abort(new Error("aborted")));
        return next.request({ ...request, signal: own.signal });
      },
    }),
  },
  "leaves its listener on the signal": {
    notices: "abort/listeners",
    breaks: (next) => ({
      request: (request) => {
        request.signal?.addEventListener("abort", () => {});
        return next.request(request);
      },
    }),
  },
  "settles an abort late": {
    notices: "abort/waiting",
    breaks: (next) => ({
      request: (request) =>
        next.request(request).catch((error: unknown) => new Promise((_, reject) => setTimeout(reject, 20, error))),
    }),
  },
  "sends a POST twice": {
    notices: "errors/no-answer-post",
    breaks: (next) => ({ request: (request) => next.request(request).catch(() => next.request(request)) }),
  },
  "takes a cut body for a whole one": {
    notices: "response-body/cut-length-yes",
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        async function* lenient(): AsyncGenerator<Uint8Array> {
          try {
            yield* response.body;
          } catch {}
        }
        return altered(response, { body: Object.assign(lenient(), { cancel: () => response.body.cancel() }) as never });
      },
    }),
  },
  "reads ahead without a bound": {
    notices: "response-body/back-pressure",
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        const bytes = response.body.bytes({ maxBytes: Infinity });
        bytes.catch(() => {});
        return altered(response, { body: { cancel: () => Promise.resolve() } as never });
      },
    }),
  },
  "joins the set-cookie fields": {
    notices: "request/response-fields",
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        const headers = { ...response.headers, "set-cookie": String(response.headers["set-cookie"]) };
        return altered(response, { headers });
      },
    }),
  },
  "ignores the limit of its queue": {
    notices: "queue/fail-fast",
    breaks: (next) => ({
      request: (request) =>
        next
          .request(request)
          .catch((error: { code: string }) =>
            error.code === "QUEUE_FULL" ? new Promise(() => {}) : Promise.reject(error as never),
          ),
    }),
  },
  "closes without draining": {
    notices: "close/drains-head",
    breaks: (next) => ({ close: () => next.destroy() }),
  },
  "does not close": {
    notices: "request/get",
    breaks: () => ({ close: () => Promise.resolve() }),
  },
  "leaves a timer": {
    notices: "request/get",
    breaks: (next) => ({
      request: (request) => {
        setTimeout(() => {}, 3_000);
        return next.request(request);
      },
    }),
  },
  "lets a rejection go unhandled": {
    notices: "leaks/trailers-ignored",
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        void response.trailers.then(() => {});
        return response;
      },
    }),
  },
  "puts the path into its messages": {
    notices: "errors/discreet",
    breaks: (next) => ({
      request: (request) =>
        next.request(request).catch((error: Error) => {
          error.message += String(request.url);
          throw error;
        }),
    }),
  },
  "claims trailers that it does not send": {
    notices: "trailers/request-string",
    breaks: (next) => ({ request: (request) => next.request(without(request, "trailers")) }),
  },
  "says that it has no trailers and takes them": {
    notices: "trailers/request-string",
    breaks: (next) => ({ capabilities: { ...next.capabilities, requestTrailers: false } }),
  },
};

async function run(id: string, breaks?: (next: Transport) => Partial<Transport>): Promise<string | undefined> {
  const origin = inProcessOrigin();
  const fixture: Fixture = {
    origin,
    traits: { sockets: false },
    createTransport: ({ maxConcurrent, ...options } = {}) => {
      const sound = memory(origin.handler, {
        ...options,
        ...(maxConcurrent !== undefined && { maxStreams: maxConcurrent }),
      });
      return breaks === undefined ? sound : wrap(sound, breaks(sound));
    },
  };
  const cases = allCases.filter((one) => one.id === id);
  const [result] = await runCases(cases, fixture, breaks === undefined ? {} : { maxCaseMs: 500 });
  return result?.status;
}

describe("the suite notices a transport that", () => {
  it.each(Object.entries(defects))("%s", async (_, { notices, breaks }) => {
    expect(await run(notices)).toBe("passed");
    expect(await run(notices, breaks)).toBe("failed");
  });
});
