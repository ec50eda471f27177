import {
  checkNumber,
  checkRequest,
  parseTarget,
  type Capabilities,
  type CloseOptions,
  type Target,
  type Transport,
  type TransportResponse,
  type TransportRequest,
  type WarmOptions,
} from "@holdfast/transport";
import {
  aborted,
  closed,
  closeDeadline,
  deadlineExceeded,
  queueFull,
  refusal,
  unsupported,
  type Failure,
} from "./errors.ts";
import type { MemoryHandler } from "./handler.ts";
import { maxTimerMs, parseOptions, type MemoryOptions } from "./options.ts";
import { Pool } from "./pool.ts";

const capabilities: Capabilities = Object.freeze({
  exchange: true,
  channel: false,
  multiplexed: true,
  duplex: true,
  requestTrailers: true,
  responseTrailers: true,
  informational: true,
  push: false,
});

/**
 * A transport over a handler in this process: every rule of the contract and no socket. For tests, and the adapter to
 * read before writing one.
 *
 * @throws TypeError for a bad option; the message names it.
 */
export function memory(handler: MemoryHandler, options: MemoryOptions = {}): Transport {
  if (typeof handler !== "function") throw new TypeError("memory() takes a handler function");
  const settings = parseOptions(options);
  const pool = new Pool(handler, settings);

  async function request(source: TransportRequest): Promise<TransportResponse> {
    const checked = checkRequest(source);
    const { target } = checked;
    const { signal, deadlineMs, attempt } = checked.source;
    const failure =
      whyNot(target, signal) ??
      (deadlineMs === 0 ? deadlineExceeded(target.origin, deadlineMs) : undefined) ??
      (pool.hasRoom(target) ? undefined : queueFull(target.origin, settings.maxQueued));
    if (failure !== undefined) {
      pool.refused();
      throw refusal(failure, target, "queue", attempt);
    }
    return pool.accept(checked);
  }

  async function warm(url: URL | string, { connections = 1, signal }: WarmOptions = {}): Promise<void> {
    const target = parseTarget(url);
    checkNumber("connections", connections, 1);
    const failure = whyNot(target, signal);
    if (failure !== undefined) throw refusal(failure, target, "connect");
    pool.line(target);
  }

  function whyNot({ scheme, origin }: Target, signal: AbortSignal | undefined): Failure | undefined {
    if (scheme !== "http:" && scheme !== "https:") return unsupported(`${scheme} URLs`);
    if (!pool.open) return closed(origin);
    return signal?.aborted === true ? aborted(origin, signal.reason) : undefined;
  }

  async function close({ signal, deadlineMs = 10_000 }: CloseOptions = {}): Promise<void> {
    checkNumber("deadlineMs", deadlineMs, 0);
    const onAbort = (): void => pool.failAll((origin) => ({ ...closed(origin), cause: signal?.reason }));
    const onDeadline = (): void => pool.failAll((origin) => closeDeadline(origin, deadlineMs));
    const drained = pool.drain();
    if (signal?.aborted === true) onAbort();
    signal?.addEventListener("abort", onAbort);
    const timer = deadlineMs > maxTimerMs ? undefined : setTimeout(onDeadline, deadlineMs);
    await drained;
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }

  async function destroy(...reason: [reason?: unknown]): Promise<void> {
    const drained = pool.drain();
    pool.failAll((origin) => (reason.length === 0 ? closed(origin) : { ...closed(origin), cause: reason[0] }));
    await drained;
  }

  return {
    "~holdfast": { version: 1, vendor: "@holdfast/memory", protocol: "memory", capabilities },
    protocol: "memory",
    capabilities,
    request,
    open: async ({ url }) => {
      throw refusal(unsupported("channels"), parseTarget(url), "channel");
    },
    warm,
    stats: () => pool.stats(),
    close,
    destroy,
    [Symbol.asyncDispose]: () => close(),
  };
}
