import assert from "node:assert/strict";
import { isTransportError, type Transport, type TransportError } from "@holdfast/transport";
import { rejection } from "../expect-failure.ts";

/** The `TransportError` that `promise` rejects with; throws whatever else it does. */
export async function failure(promise: Promise<unknown>): Promise<TransportError> {
  const error = await rejection(promise);
  if (!isTransportError(error)) throw error;
  return error;
}

/** A whole GET: the text of its body. */
export async function getText(transport: Transport, url: string): Promise<string> {
  const { body } = await transport.request({ url });
  return body.text();
}

/** A server that remembers what it was asked. */
export interface Asked {
  readonly url: string;
  readonly requests: readonly { readonly path: string }[];
}

/** After whatever happened, the next request is answered with `ok` and arrives once. */
export async function expectNextWorks(transport: Transport, server: Asked, path = "/next"): Promise<void> {
  assert.equal(await getText(transport, server.url + path), "ok");
  assert.equal(server.requests.filter((request) => request.path === path).length, 1);
}
