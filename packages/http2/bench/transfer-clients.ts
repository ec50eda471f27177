import { once } from "node:events";
import { connect, type SecureClientSessionOptions } from "node:http2";
import type { Readable } from "node:stream";
import type { BenchOrigin, TransferClient, TransferClients } from "@holdfast/bench";
import { http2, type Http2Options } from "@holdfast/http2";
import { Agent as WrapperAgent, request as wrapperRequest } from "http2-wrapper";
import { Agent, request } from "undici";

const widest = 2 ** 24;

export const clients: TransferClients = {
  "node:http2": (origin) => nodeClient(origin),
  "node:http2, 16 MiB windows": (origin) => nodeClient(origin, widest),
  "holdfast http2": (origin) => holdfastClient(origin),
  "holdfast http2, 16 MiB windows": (origin) =>
    holdfastClient(origin, { windows: { streamBytes: widest, sessionBytes: widest } }),
  "undici request, allowH2": ({ url, certificate }) => {
    const dispatcher = new Agent({ allowH2: true, connections: 1, connect: tlsOptions(certificate) });
    return {
      download: async (bytes) => {
        const { body } = await request(new URL(String(bytes), url), { dispatcher });
        return countBytes(body);
      },
      upload: async (body) => Number(await (await request(url, { dispatcher, method: "POST", body })).body.text()),
      close: () => dispatcher.close(),
    };
  },
  "http2-wrapper request": ({ url, certificate }) => {
    const agent = new WrapperAgent();
    const send = (path: string, method: string, body?: Uint8Array): Promise<Readable> =>
      new Promise((resolve, reject) => {
        const sent = wrapperRequest(new URL(path, url), { agent, method, ...tlsOptions(certificate) }, resolve);
        sent.on("error", reject);
        sent.end(body);
      });
    return {
      download: async (bytes) => countBytes(await send(String(bytes), "GET")),
      upload: async (body) => Number(await readText(await send("", "POST", body))),
      close: () => agent.destroy(),
    };
  },
};

async function nodeClient({ url, certificate }: BenchOrigin, windowBytes?: number): Promise<TransferClient> {
  const options: SecureClientSessionOptions = tlsOptions(certificate);
  if (windowBytes !== undefined) options.settings = { initialWindowSize: windowBytes };
  const session = connect(url, options);
  await once(session, "remoteSettings");
  if (windowBytes !== undefined) session.setLocalWindowSize(windowBytes);
  return {
    download: (bytes) => countBytes(session.request({ ":path": `/${bytes}` })),
    upload: async (body) => {
      const stream = session.request({ ":path": "/", ":method": "POST" });
      stream.end(body);
      return Number(await readText(stream));
    },
    close: () => session.close(),
  };
}

function holdfastClient({ url, certificate }: BenchOrigin, options: Http2Options = {}): TransferClient {
  const transport = http2({ ...options, tls: tlsOptions(certificate) });
  return {
    download: async (bytes) => {
      const response = await transport.request({ url: new URL(String(bytes), url) });
      let count = 0;
      for await (const chunk of response.body) count += chunk.byteLength;
      return count;
    },
    upload: async (body) => {
      const response = await transport.request({ url, method: "POST", body });
      return Number(await response.body.text());
    },
    close: () => transport.close(),
  };
}

function tlsOptions(certificate: string | undefined): { ca?: string } {
  return certificate === undefined ? {} : { ca: certificate };
}

async function countBytes(stream: Readable): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) bytes += chunk.byteLength;
  return bytes;
}

async function readText(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8") as AsyncIterable<string>) text += chunk;
  return text;
}
