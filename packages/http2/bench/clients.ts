import { once } from "node:events";
import { connect, type OutgoingHttpHeaders } from "node:http2";
import type { Readable } from "node:stream";
import type { BenchClients } from "@holdfast/bench";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Client as GrpcClient, credentials } from "@grpc/grpc-js";
import { http2, type Http2Options } from "@holdfast/http2";
import got from "got";
import { Agent as WrapperAgent, globalAgent, request as wrapperRequest } from "http2-wrapper";
import { Agent, request } from "undici";
import { benchService, decodeAnswer, getPath } from "./rpc.ts";

export const clients: BenchClients = {
  "node:http2": async ({ url, certificate }) => {
    const session = connect(url, tlsOptions(certificate));
    await once(session, "remoteSettings");
    const headers: OutgoingHttpHeaders = { ":path": "/" };
    return { get: () => countBytes(session.request(headers)), close: () => session.close() };
  },
  "holdfast http2": ({ url, certificate }) => {
    const transport = http2({ tls: tlsOptions(certificate) });
    const get = async (): Promise<number> => {
      const response = await transport.request({ url });
      return (await response.body.bytes()).byteLength;
    };
    return { get, close: () => transport.close() };
  },
  "undici request, allowH2": ({ url, certificate }, concurrency) => {
    const options = { allowH2: true, connections: 1, pipelining: concurrency, connect: tlsOptions(certificate) };
    const dispatcher = new Agent(options);
    const get = async (): Promise<number> => {
      const { body } = await request(url, { dispatcher });
      return (await body.bytes()).byteLength;
    };
    return { get, close: () => dispatcher.close() };
  },
  "http2-wrapper request": ({ url, certificate }) => {
    const agent = new WrapperAgent();
    const options = { agent, ...tlsOptions(certificate) };
    const get = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const sent = wrapperRequest(url, options, (response) => {
          countBytes(response).then(resolve, reject);
        });
        sent.on("error", reject);
        sent.end();
      });
    return { get, close: () => agent.destroy() };
  },
  "got, http2: true": ({ url, certificate = "" }) => {
    const https = { certificateAuthority: certificate };
    const client = got.extend({ http2: true, https, retry: { limit: 0 }, decompress: false });
    // The agent that got takes by itself.
    return { get: async () => (await client(url).buffer()).byteLength, close: () => globalAgent.destroy() };
  },
  "@grpc/grpc-js, unary": ({ url, certificate = "" }) => {
    const client = new GrpcClient(new URL(url).host, credentials.createSsl(Buffer.from(certificate)));
    const empty = (): Buffer => Buffer.alloc(0);
    const get = (): Promise<number> =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(getPath, empty, decodeAnswer, undefined, (error, answer = "") => {
          if (error === null) resolve(answer.length);
          else reject(error);
        });
      });
    return { get, close: () => client.close() };
  },
  "@connectrpc/connect-node, unary": ({ url, certificate }) => {
    const sessionManager = new Http2SessionManager(url, {}, tlsOptions(certificate));
    const transport = createConnectTransport({ httpVersion: "2", baseUrl: url, sessionManager });
    const client = createClient(benchService, transport);
    return { get: async () => (await client.get({})).value.length, close: () => sessionManager.abort() };
  },
};

function tlsOptions(certificate: string | undefined): NonNullable<Http2Options["tls"]> & { ca?: string } {
  return certificate === undefined ? {} : { ca: certificate };
}

function countBytes(stream: Readable): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => (bytes += chunk.byteLength));
    stream.on("end", () => resolve(bytes));
    stream.on("error", reject);
  });
}
