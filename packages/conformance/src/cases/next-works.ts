import assert from "node:assert/strict";
import type { Transport } from "@holdfast/transport";
import type { HostileOrigin } from "../hostile/hostile.ts";

/** The text that answers a POST of `hello` to this path. */
export async function post(transport: Transport, origin: HostileOrigin, path: string): Promise<string> {
  const response = await transport.request({ url: origin.url + path, method: "POST", body: "hello" });
  return response.body.text();
}

/** Whatever happened: the next exchange works, it was executed once, and what came before is not executed again. */
export async function expectNextWorks(transport: Transport, origin: HostileOrigin): Promise<void> {
  const before = origin.arrivals.length;
  const answer = post(transport, origin, "/next");
  await (await origin.next("/next")).respond();
  assert.equal(await answer, "ok");
  assert.deepEqual(
    origin.arrivals.slice(before).map(({ path }) => path),
    ["/next"],
  );
}

/** How often the origin was asked for this path. */
export function arrivalsOf({ arrivals }: HostileOrigin, path: string): number {
  return arrivals.filter((one) => one.path === path).length;
}
