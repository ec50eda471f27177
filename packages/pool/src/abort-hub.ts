/** Something that a signal ends. */
export interface Abortable {
  /** Where the hub keeps it; -1 while it does not. */
  signalSlot: number;
  abort(reason: unknown): void;
}

interface Entry {
  readonly targets: Abortable[];
  readonly listener: () => void;
}

/** One listener for each signal, however many exchanges share it: a signal of a whole service may cover thousands. */
const entries = new WeakMap<AbortSignal, Entry>();

/** Ends `target` when `signal` fires, until {@link forget}. The caller has looked at `signal.aborted` before. */
export function heed(signal: AbortSignal, target: Abortable): void {
  let entry = entries.get(signal);
  if (entry === undefined) {
    const targets: Abortable[] = [];
    const listener = (): void => {
      entries.delete(signal);
      for (const one of targets.slice()) if (one.signalSlot >= 0) one.abort(signal.reason);
    };
    entry = { targets, listener };
    entries.set(signal, entry);
    signal.addEventListener("abort", listener, { once: true });
  }
  target.signalSlot = entry.targets.push(target) - 1;
}

export function forget(signal: AbortSignal, target: Abortable): void {
  const slot = target.signalSlot;
  const entry = entries.get(signal);
  target.signalSlot = -1;
  if (slot < 0 || entry === undefined) return;
  const last = entry.targets.pop() as Abortable;
  if (last !== target) {
    entry.targets[slot] = last;
    last.signalSlot = slot;
  } else if (entry.targets.length === 0) {
    entries.delete(signal);
    signal.removeEventListener("abort", entry.listener);
  }
}
