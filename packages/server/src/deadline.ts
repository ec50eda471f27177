import type { CloseOptions } from "@holdfast/transport";
import { maxTimerMs } from "./check-options.ts";

/** Waits for `done`; what is not done by the deadline, or when the signal fires, is given to `end`. */
export async function untilDeadline(
  done: Promise<unknown>,
  { deadlineMs = 10_000, signal }: CloseOptions,
  end: () => void,
): Promise<void> {
  const timer = deadlineMs > maxTimerMs ? undefined : setTimeout(end, deadlineMs);
  signal?.addEventListener("abort", end, { once: true });
  if (signal?.aborted === true) end();
  try {
    await done;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}
