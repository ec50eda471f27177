import { isTransportError, type Transport, type TransportError } from "@holdfast/transport";
import { expect } from "vitest";
import type { FrameServer } from "./frame-server.ts";

/** The `TransportError` that `promise` rejects with. */
export async function failure(promise: Promise<unknown>): Promise<TransportError> {
  const error = await promise.then(
    (value: unknown) => new Error(`expected a failure, but it succeeded with ${String(value)}`),
    (reason: unknown) => reason,
  );
  if (!isTransportError(error)) throw error;
  return error;
}

/** A whole exchange: the text of the body. */
export async function getText(transport: Transport, url: string): Promise<string> {
  const { body } = await transport.request({ url });
  return body.text();
}

/** After whatever happened, the next request succeeds and arrives once. */
export async function expectNextWorks(transport: Transport, server: FrameServer, path = "/next"): Promise<void> {
  expect(await getText(transport, server.url + path)).toBe("ok");
  expect(server.requests.filter((request) => request.path === path)).toHaveLength(1);
}
