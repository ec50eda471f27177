import { setTimeout as pause } from "node:timers/promises";
import { isTransportError, type Transport } from "@holdfast/transport";
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

/**
 * 5,000 requests by 64 workers, each with a number of its own. After each 500 all workers fall silent, so that all connections
 * do, for the next of `pausesMs`, of which there are at most 5. From 3,000 on, where no pause is near, every second request is
 * a POST, which must not be repeated on a doubt.
 */
export async function load(transport: Transport, origin: string, pausesMs: readonly number[]): Promise<Load> {
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
        const { status, body } = await transport.request({
          url: origin + path,
          headers: { "x-request-id": `${id}` },
          ...(id >= 3_000 && id % 2 === 0 && { method: "POST", body: "once" }),
        });
        const text = await body.text();
        if (status === 200 && text === path) succeeded++;
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
