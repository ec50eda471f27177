import { Agent as NodeAgent, get as nodeGet } from "node:http";
import type { BenchClients } from "@holdfast/bench";
import { http1 } from "@holdfast/http1";
import { Agent, type Dispatcher, Pool, request } from "undici";

export const clients: BenchClients = {
  "undici dispatch": ({ url }, concurrency) => {
    const pool = new Pool(new URL(url).origin, { connections: concurrency, pipelining: 1, allowH2: false });
    return {
      get: () =>
        new Promise((resolve, reject) => pool.dispatch({ path: "/", method: "GET" }, new Counter(resolve, reject))),
      close: () => pool.close(),
    };
  },
  "holdfast http1": ({ url }, concurrency) => {
    const transport = http1({ maxConnections: concurrency });
    const get = async (): Promise<number> => {
      const response = await transport.request({ url });
      return (await response.body.bytes()).byteLength;
    };
    return { get, close: () => transport.close() };
  },
  "holdfast http1, for await": ({ url }, concurrency) => {
    const transport = http1({ maxConnections: concurrency });
    const get = async (): Promise<number> => {
      const response = await transport.request({ url });
      let bytes = 0;
      for await (const chunk of response.body) bytes += chunk.byteLength;
      return bytes;
    };
    return { get, close: () => transport.close() };
  },
  "undici request": ({ url }, concurrency) => {
    const dispatcher = new Agent({ connections: concurrency, pipelining: 1, allowH2: false });
    const get = async (): Promise<number> => {
      const { body } = await request(url, { dispatcher });
      return (await body.bytes()).byteLength;
    };
    return { get, close: () => dispatcher.close() };
  },
  "node:http, keep-alive agent": ({ url }, concurrency) => {
    const agent = new NodeAgent({ keepAlive: true, maxSockets: concurrency });
    const get = (): Promise<number> =>
      new Promise((resolve, reject) => {
        nodeGet(url, { agent }, (response) => {
          let bytes = 0;
          response.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
          response.on("end", () => resolve(bytes));
          response.on("error", reject);
        }).on("error", reject);
      });
    return { get, close: () => agent.destroy() };
  },
  "global fetch": ({ url }) => ({
    get: async () => (await (await fetch(url)).arrayBuffer()).byteLength,
    close: () => {},
  }),
  got: async ({ url }, concurrency) => {
    const { default: got } = await import("got");
    const agent = new NodeAgent({ keepAlive: true, maxSockets: concurrency });
    const client = got.extend({ agent: { http: agent }, retry: { limit: 0 }, decompress: false });
    return {
      get: async () => (await client(url, { responseType: "buffer" })).rawBody.byteLength,
      close: () => agent.destroy(),
    };
  },
  axios: async ({ url }, concurrency) => {
    const { default: axios } = await import("axios");
    const httpAgent = new NodeAgent({ keepAlive: true, maxSockets: concurrency });
    const client = axios.create({ httpAgent, responseType: "arraybuffer", decompress: false, proxy: false });
    return { get: async () => (await client.get<Buffer>(url)).data.byteLength, close: () => httpAgent.destroy() };
  },
};

/** The least that can be done with undici: count the bytes. */
class Counter implements Dispatcher.DispatchHandler {
  readonly #resolve: (bytes: number) => void;
  readonly #reject: (error: Error) => void;
  #bytes = 0;

  constructor(resolve: (bytes: number) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(): void {}

  onResponseStart(): void {}

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.byteLength;
  }

  onResponseEnd(): void {
    this.#resolve(this.#bytes);
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}
