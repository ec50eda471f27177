import { describe, expect, it } from "vitest";
import { serve, type Server } from "../src/index.ts";
import { type Certificate, certificate } from "./certificates.ts";
import { http1Client, http2Client, muxTransport } from "./clients.ts";
import { raw } from "./raw.ts";

const tls = await certificate();

/** Asks for something that is never answered; returns what gives up. */
type Asker = (url: string, method: string) => () => unknown;

const askers: readonly (readonly [string, Asker, Certificate | undefined])[] = [tls, undefined].flatMap(
  (secure): [string, Asker, Certificate | undefined][] => {
    const ca = secure?.cert;
    const over = secure === undefined ? "" : " over TLS";
    const asker =
      (client: typeof http1Client): Asker =>
      (url, method) => {
        const { out, abort } = client(url, ca).open({ method });
        if (method === "GET" && client === http1Client) out.end();
        else if (method !== "GET") out.write("begun");
        return abort;
      };
    const websocket: Asker = (url, method) => {
      const stop = new AbortController();
      const body =
        method === "GET" ? null : new ReadableStream<Uint8Array>({ start: (to) => to.enqueue(new Uint8Array(5)) });
      muxTransport(url, ca)
        .request({ url, method, body, signal: stop.signal })
        .catch(() => {});
      return () => stop.abort();
    };
    return [
      [`HTTP/1.1${over}`, asker(http1Client), secure],
      [`HTTP/2${over}`, asker(http2Client), secure],
      [`WebSocket${over}`, websocket, secure],
    ];
  },
);

interface Entered {
  readonly server: Server;
  readonly abort: () => unknown;
  readonly signal: AbortSignal;
}

async function entered(ask: Asker, method: string, tls: Certificate | undefined): Promise<Entered> {
  const come = Promise.withResolvers<AbortSignal>();
  const fetch = ({ signal }: Request): Promise<Response> => {
    come.resolve(signal);
    return new Promise(() => {});
  };
  const server = await serve({ hostname: "127.0.0.1", fetch, ...(tls && { tls }) });
  const abort = ask(server.url, method);
  return { server, abort, signal: await come.promise };
}

describe.each(askers)("request.signal over %s", (_, ask, secure) => {
  describe.each(["GET", "POST"])("of a %s", (method) => {
    it("fires with an AbortError when the client goes away", async () => {
      const { server, abort, signal } = await entered(ask, method, secure);
      const fired = new Promise((resolve) => signal.addEventListener("abort", resolve));
      abort();
      await fired;
      expect(signal.reason).toBeInstanceOf(DOMException);
      expect(signal.reason).toHaveProperty("name", "AbortError");
      await server.destroy();
    });

    it.each(["destroy", "drain"] as const)("has fired with an AbortError when %s resolves", async (how) => {
      const { server, signal } = await entered(ask, method, secure);
      await (how === "destroy" ? server.destroy() : server.drain({ deadlineMs: 1 }));
      expect(signal.aborted).toBe(true);
      expect(signal.reason).toBeInstanceOf(DOMException);
      expect(signal.reason).toHaveProperty("name", "AbortError");
    });
  });
});

it("request.signal fires when a client of HTTP/1.1 ends its half of the connection", async () => {
  const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
  const fetch = ({ signal }: Request): Promise<Response> => {
    signal.addEventListener("abort", () => abort());
    return new Promise(() => {});
  };
  await using server = await serve({ hostname: "127.0.0.1", fetch });
  using connection = await raw(server.port);
  connection.socket.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await aborted;
  expect(await connection.closed()).toBe("");
});
