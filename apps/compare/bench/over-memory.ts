import type { MemoryHandler } from "@holdfast/memory";

/** Each lives as long as the signal that it was made with, which refers to it but weakly. */
const requests: WeakMap<AbortSignal, Request> = new WeakMap();

/** A fetch-style handler, behind the memory transport. */
export function overMemory(fetch: (request: Request) => Promise<Response>): MemoryHandler {
  return async ({ method, url, headers, body, signal }) => {
    const bodiless = method === "GET" || method === "HEAD";
    const request = new Request(url, {
      method,
      headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      signal,
      ...(!bodiless && { body: ReadableStream.from(body), duplex: "half" }),
    });
    requests.set(signal, request);
    const response = await fetch(request);
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      ...(response.body !== null && { body: response.body }),
    };
  };
}
