import { setTimeout as pause } from "node:timers/promises";
import { isTransportError, type Transport, type TransportRequest } from "@holdfast/transport";
import { answers } from "./server.ts";

export const requests = 5_000;
export const concurrency = 64;

export interface Load {
  readonly succeeded: number;
  /** By code, so that a failing run says why. */
  readonly failures: Readonly<Record<string, number>>;
  /** Most connections at a time that took new work. */
  readonly maxOpen: number;
}

/** How a server is asked to answer with a path, and to write down an id. */
export interface Ask {
  /** `once`: it must not be repeated on a doubt. */
  request(origin: string, path: string, id: string, once: boolean): TransportRequest;
  /** The path that a body has. */
  pathOf(body: string): unknown;
}

export const byFields: Ask = {
  request: (origin, path, id, once) => ({
    url: origin + path,
    headers: { "x-request-id": id },
    ...(once && { method: "POST", body: "once" }),
  }),
  pathOf: (body) => body,
};

/** All calls are POST, so here it is the caller who says which may be repeated. */
export const byJsonRpc: Ask = {
  request: (origin, path, id, once) => ({
    url: `${origin}/echo`,
    method: "POST",
    body: JSON.stringify([id, path]),
    idempotent: !once,
  }),
  pathOf: (body) => JSON.parse(body),
};

/**
 * 5,000 requests by 64 workers, each with a number of its own. After each 500 all workers fall silent, so that all connections
 * do, for the next of `pausesMs`, of which there are at most 5. From 3,000 on, where no pause is near, every second request must
 * not be repeated on a doubt.
 */
export async function load(transport: Transport, origin: string, pausesMs: readonly number[], ask: Ask): Promise<Load> {
  const failures: Record<string, number> = {};
  const silences: Promise<void>[] = [];
  let succeeded = 0;
  let maxOpen = 0;
  let next = 0;

  const fail = (cause: string): void => {
    failures[cause] = (failures[cause] ?? 0) + 1;
  };
  const worker = async (): Promise<void> => {
    while (next < requests) {
      const id = next++;
      const part = Math.min(Math.floor(id / 500), pausesMs.length);
      if (part > 0) await (silences[part] ??= pause(pausesMs[part - 1]));
      const path = answers[id % answers.length]!;
      try {
        const once = id >= 3_000 && id % 2 === 0;
        const { status, body } = await transport.request(ask.request(origin, path, `${id}`, once));
        const text = await body.text();
        if (status === 200 && ask.pathOf(text) === path) succeeded++;
        else fail(status === 200 ? "another answer" : `status ${status}`);
      } catch (error) {
        fail(isTransportError(error) ? `${error.code} in ${error.phase}` : String(error));
      }
      const { connecting, active, idle } = transport.stats().connections;
      maxOpen = Math.max(maxOpen, connecting + active + idle);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { succeeded, failures, maxOpen };
}
