import { connect, type Socket } from "node:net";
import { allCases, http1Origin, runCases } from "@holdfast/conformance";
import {
  type Transport,
  TransportError,
  type TransportRequest,
  type TransportResponse,
  wrap,
} from "@holdfast/transport";
import { describe, expect, it, onTestFinished } from "vitest";
import { http1 } from "../src/index.ts";

interface Defect {
  /** The case whose title is the rule. */
  readonly notices: string;
  readonly rule: string;
  /** In the report, beneath the rule. */
  readonly instead: RegExp;
  readonly breaks: (next: Transport) => Partial<Transport>;
}

/** Over sockets, and one for each rule that matters most. Others are in the tests of memory, http2 and websocket. */
const defects: Readonly<Record<string, Defect>> = {
  "loses a waiter": {
    notices: "queue/many",
    rule: "a hundred exchanges pass through one place",
    instead: /did not end within/,
    breaks: (next) => {
      let count = 0;
      return { request: (request) => (++count === 50 ? new Promise(() => {}) : next.request(request)) };
    },
  },
  "hides a queue": {
    notices: "queue/full",
    rule: "a full queue refuses at once with QUEUE_FULL, not-sent, and names maxQueued",
    instead: /did not end within/,
    breaks: (next) => {
      const patient = (request: TransportRequest): Promise<TransportResponse> =>
        next.request(request).catch(async (error: TransportError) => {
          if (error.code !== "QUEUE_FULL") throw error;
          await new Promise(setImmediate);
          return patient(request);
        });
      return { request: patient };
    },
  },
  "replays a POST": {
    notices: "errors/no-answer-post",
    rule: "an origin that does not answer a POST may have acted on it: maybe-sent, and it ran once",
    instead: /executed the request 2 times instead of 1/,
    breaks: (next) => ({ request: (request) => next.request(request).catch(() => next.request(request)) }),
  },
  "lies about delivery": {
    notices: "errors/no-answer-post",
    rule: "an origin that does not answer a POST may have acted on it: maybe-sent, and it ran once",
    instead: /the error's delivery is not-sent/,
    breaks: (next) => ({
      request: (request) =>
        next.request(request).catch(({ code, message, ...facts }: TransportError) => {
          throw new TransportError(code, message, { ...facts, delivery: "not-sent" });
        }),
    }),
  },
  "reports a cut body as whole": {
    notices: "response-body/cut-length-yes",
    rule: "a body that breaks off is TRUNCATED, after what arrived of it (content-length: yes)",
    instead: /expected a rejection, but the promise resolved/,
    breaks: (next) => ({
      request: async (request) => {
        const response = await next.request(request);
        async function* lenient(): AsyncGenerator<Uint8Array> {
          try {
            yield* response.body;
          } catch {}
        }
        return Object.create(response, { body: { value: lenient() } }) as TransportResponse;
      },
    }),
  },
  "ignores an abort": {
    notices: "abort/waiting",
    rule: "an abort while waiting for the head settles within one turn, maybe-sent, and the origin sees the client leave",
    instead: /did not end within|one turn/,
    breaks: (next) => ({
      request: (request) => {
        const { signal: ignored, ...rest } = request;
        return next.request(ignored === undefined ? request : rest);
      },
    }),
  },
  "leaks a socket": {
    notices: "leaks/connections",
    rule: "an exchange that ends well keeps its connection, and close() ends it",
    instead: /left behind: .*TCP/,
    breaks: (next) => ({
      request: (request) => {
        const socket: Socket = connect(Number(new URL(request.url).port), "127.0.0.1");
        onTestFinished(() => void socket.destroy());
        return next.request(request);
      },
    }),
  },
};

async function run(
  id: string,
  breaks?: Defect["breaks"],
): Promise<{ readonly title?: string; readonly status?: string; readonly error?: unknown }> {
  const origin = await http1Origin();
  onTestFinished(() => origin.close());
  const [result] = await runCases(
    allCases.filter((one) => one.id === id),
    {
      origin,
      traits: { sockets: true },
      createTransport: ({ maxConcurrent, ...options } = {}) => {
        const sound = http1({ ...options, ...(maxConcurrent !== undefined && { maxConnections: maxConcurrent }) });
        return breaks === undefined ? sound : wrap(sound, breaks(sound));
      },
    },
    breaks === undefined ? {} : { maxCaseMs: 1_000 },
  );
  return result ?? {};
}

describe("the suite notices a transport that", () => {
  it.each(Object.entries(defects))(
    "%s, by the case that names the rule",
    async (_, { notices, rule, instead, breaks }) => {
      expect(await run(notices)).toMatchObject({ status: "passed", title: rule });
      const { error, ...failed } = await run(notices, breaks);
      expect(failed).toMatchObject({ status: "failed", title: rule });
      expect(String(error)).toMatch(instead);
    },
  );
});
