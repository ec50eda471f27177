import assert from "node:assert/strict";
import type { Transport } from "@holdfast/transport";
import type { HostileOrigin } from "../hostile/hostile.ts";

/** The text that answers a POST of `hello` to this path. */
export async function post(transport: Transport, origin: HostileOrigin, path: string): Promise<string> {
  const response = await transport.request({ url: origin.url + path, method: "POST", body: "hello" });
  return response.body.text();
}

/**
 * Whatever happened: the next exchange works, and is executed once. From here on the origin serves whatever it is asked, so
 * that a request which is sent again by mistake is seen to succeed.
 */
export async function expectNextWorks(transport: Transport, origin: HostileOrigin): Promise<void> {
  origin.serve();
  assert.equal(await post(transport, origin, "/next"), "ok");
  assert.equal(arrivalsOf(origin, "/next"), 1);
}

/** How often the origin was asked for this path. */
export function arrivalsOf({ arrivals }: HostileOrigin, path: string): number {
  return arrivals.filter((one) => one.path === path).length;
}
