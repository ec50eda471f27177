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

  /** It waited for its lease until `at`, and then for a dial if there are `times`. A phase that was over before counts as no wait. */
  leased(at: number, startedAt: number, times: DialTimes | undefined): void {
    this.queued = at - startedAt;
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
