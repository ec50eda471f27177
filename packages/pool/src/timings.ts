import type { Timings } from "@holdfast/transport";
import type { DialTimes } from "./driver.ts";

/** Filled as an exchange goes on; the caller sees it as `Timings`. */
export class MutableTimings implements Timings {
  queued = 0;
  declare resolved?: number;
  declare connected?: number;
  declare secured?: number;
  declare ready?: number;
  declare sent?: number;
  firstByte = 0;
  declare end?: number;

  /** The phases of a dial that the exchange waited for. One that was over before the call counts as no wait. */
  dialled(times: DialTimes | undefined, startedAt: number): void {
    if (times === undefined) return;
    const since = (at: number | undefined): number | undefined =>
      at === undefined ? undefined : Math.max(at - startedAt, this.queued);
    const { resolvedAt, connectedAt, securedAt, readyAt } = times;
    if (resolvedAt !== undefined) this.resolved = since(resolvedAt)!;
    if (connectedAt !== undefined) this.connected = since(connectedAt)!;
    if (securedAt !== undefined) this.secured = since(securedAt)!;
    if (readyAt !== undefined) this.ready = since(readyAt)!;
  }
}
